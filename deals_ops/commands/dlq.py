"""`dlq list|show|redrive|purge`: the dead letters of events and deliveries."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import duration, whole
from deals_ops.commands import dlq_actions
from deals_ops.commands.dlq_actions import described
from deals_ops.dead_letters import DeadLetters, Letter
from deals_ops.errors import Missing
from deals_ops.redrive_decision import JUDGES
from deals_ops.stack import DEAD_LETTERS
from deals_ops.terminal import Answer, Screen, age, facts, moment, table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack

PAGE = 20


def register(to: Registrar) -> None:
    """Add the commands."""
    group = to.group("dlq", "dead letters: list, show, redrive, purge")
    listing = group.command("list", "what lies there, and whether it can be redriven")
    listing.add_argument("queue", choices=tuple(DEAD_LETTERS), nargs="?", help="one queue (both)")
    listing.add_argument("--limit", type=whole(1, 100_000), default=PAGE, help=f"of each queue ({PAGE})")
    listing.set_defaults(run=run_list)
    show = group.command("show", "one letter whole")
    show.add_argument("queue", choices=tuple(DEAD_LETTERS), help="whose dead letters")
    show.add_argument("id", metavar="ID", help="the letter's, as `dlq list` shows it")
    show.set_defaults(run=run_show)
    redrive = group.command("redrive", "send letters again, by the ids of their first attempts")
    _add_choice(redrive)
    redrive.set_defaults(run=dlq_actions.run_redrive)
    purge = group.command("purge", "delete letters for good")
    _add_choice(purge)
    purge.add_argument("--older-than", type=duration, metavar="AGE", help="only what is older: 30m, 12h, 2d")
    purge.set_defaults(run=dlq_actions.run_purge)


def _add_choice(command: ArgumentParser) -> None:
    command.add_argument("queue", choices=tuple(DEAD_LETTERS), help="whose dead letters")
    command.add_argument("--id", action="append", metavar="ID", help="only this letter; may be repeated")
    command.add_argument("--limit", type=whole(1, 1_000_000), help="how many at most")
    command.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def run_list(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Look at the letters of one queue or both."""
    found: list[dict[str, Any]] = []
    more, now = False, time.time()
    for queue in [arguments.queue] if arguments.queue else list(DEAD_LETTERS):
        with (
            screen.progress(f"reading {queue}", arguments.limit) as advance,
            _letters(stack, queue) as letters,
        ):
            # One more than is shown tells whether there are more.
            for place, letter in enumerate(itertools.islice(letters, arguments.limit + 1)):
                if place == arguments.limit:
                    more = True
                    break
                found.append(described(queue, letter, JUDGES[queue](letter, now)))
                advance(1)
    rows = (
        [
            one["queue"],
            one["id"],
            age(now - one["sentAt"]),
            one["about"],
            one["eventId"],
            one["reason"] or one["why"],
            "yes" if one["redrivable"] else "no",
        ]
        for one in found
    )
    columns = ("queue", "id", "age", "what", "event", "why", "redrive?")
    shown = [table(columns, rows)] if found else ["no dead letters"]
    return Answer({"letters": found, "more": more}, [*shown, *(["there are more: --limit"] if more else [])])


def run_show(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Look for one letter and show it whole."""
    with screen.progress("looking"), _letters(stack, arguments.queue) as letters:
        letter = next((one for one in letters if one.message_id == arguments.id), None)
    if letter is None:
        raise Missing(f"there is no letter {arguments.id} in the dead letters of {arguments.queue}")
    verdict = JUDGES[arguments.queue](letter, time.time())
    data = {
        **described(arguments.queue, letter, verdict),
        "receives": letter.receives,
        "attributes": dict(letter.attributes),
        "body": letter.body,
    }
    names = {"id": "id", "about": "what", "eventId": "event", "reason": "reason", "why": "redrive"}
    lines = [(shown, data[name]) for name, shown in names.items()]
    return Answer(data, [facts([*lines, ("sent", moment(letter.sent_at))]), "", letter.body])


@contextmanager
def _letters(stack: Stack, queue: str) -> Iterator[Iterator[Letter]]:
    with DeadLetters(stack.aws.client("sqs"), stack.dead_letter_url(queue)).opened() as letters:
        yield letters
