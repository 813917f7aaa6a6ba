"""`dlq list|show|redrive|purge`: the dead letters of each queue."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import integer_between, parse_duration
from deals_ops.commands import dlq_actions
from deals_ops.commands.dlq_actions import describe, open_dead_letters
from deals_ops.errors import Missing
from deals_ops.formatting import build_facts, build_table, format_age, format_time
from deals_ops.redrive_decision import DECIDE_BY_QUEUE
from deals_ops.stack import QUEUE_SETTINGS
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack

LIMIT = 20
QUEUES = tuple(QUEUE_SETTINGS)


def add_commands(parsers: CommandParsers) -> None:
    """Add the group `dlq`."""
    group = parsers.add_group("dlq", "dead letters: list, show, redrive, purge")

    listing = group.add_command("list", "list the dead letters, and whether they can be redriven")
    listing.add_argument("queue", choices=QUEUES, nargs="?", help="one queue (all)")
    listing.add_argument(
        "--limit", type=integer_between(1, 100_000), default=LIMIT, help=f"how many of each queue ({LIMIT})"
    )
    listing.set_defaults(run=run_list)

    show = group.add_command("show", "show one dead letter with its body")
    show.add_argument("queue", choices=QUEUES, help="the queue that it belongs to")
    show.add_argument("id", metavar="ID", help="its id, as `dlq list` shows it")
    show.set_defaults(run=run_show)

    redrive = group.add_command("redrive", "send dead letters again, under the ids of their first attempts")
    _add_selection(redrive)
    redrive.set_defaults(run=dlq_actions.run_redrive)

    purge = group.add_command("purge", "delete dead letters permanently")
    _add_selection(purge)
    purge.add_argument(
        "--older-than", type=parse_duration, metavar="AGE", help="only those older than 30m, 12h, 2d …"
    )
    purge.set_defaults(run=dlq_actions.run_purge)


def _add_selection(command: ArgumentParser) -> None:
    command.add_argument("queue", choices=QUEUES, help="the queue that they belong to")
    command.add_argument("--id", action="append", metavar="ID", help="only this one; may be repeated")
    command.add_argument("--limit", type=integer_between(1, 1_000_000), help="how many at most")
    command.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")


def run_list(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """List the dead letters of one queue or of all."""
    items: list[dict[str, Any]] = []
    more, now = False, time.time()
    for queue in [arguments.queue] if arguments.queue else stack.list_queues():
        with (
            terminal.show_progress(f"reading {queue}", arguments.limit) as advance,
            open_dead_letters(stack, queue).receive() as dead_letters,
        ):
            # Reads one more than it lists, to know whether there are more.
            for index, dead_letter in enumerate(itertools.islice(dead_letters, arguments.limit + 1)):
                if index == arguments.limit:
                    more = True
                    break
                items.append(describe(queue, dead_letter, DECIDE_BY_QUEUE[queue](dead_letter, now)))
                advance(1)

    rows = (
        [
            item["queue"],
            item["id"],
            format_age(now - item["sentAt"]),
            item["about"],
            item["eventId"],
            item["reason"] or item["why"],
            "yes" if item["redrivable"] else "no",
        ]
        for item in items
    )
    columns = ("queue", "id", "age", "what", "event", "why", "redrive?")
    display = [build_table(columns, rows)] if items else ["no dead letters"]
    note = ["there are more: raise --limit"] if more else []
    return CommandResult({"letters": items, "more": more}, [*display, *note])


def run_show(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Find one dead letter and show all of it. Raises Missing."""
    queue = arguments.queue
    with terminal.show_progress("searching"), open_dead_letters(stack, queue).receive() as dead_letters:
        dead_letter = next((item for item in dead_letters if item.message_id == arguments.id), None)
    if dead_letter is None:
        raise Missing(f"there is no dead letter {arguments.id} of {queue}")

    data = {
        **describe(queue, dead_letter, DECIDE_BY_QUEUE[queue](dead_letter, time.time())),
        "receives": dead_letter.receives,
        "attributes": dict(dead_letter.attributes),
        "body": dead_letter.body,
    }
    labels = {"id": "id", "about": "what", "eventId": "event", "reason": "reason", "why": "redrive"}
    facts = [(label, data[key]) for key, label in labels.items()]
    facts.append(("sent", format_time(dead_letter.sent_at)))
    return CommandResult(data, [build_facts(facts), "", dead_letter.body])
