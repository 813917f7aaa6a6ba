"""`dlq redrive` and `dlq purge`: what is done with dead letters, one by one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deals_ops.dead_letters import DeadLetters
from deals_ops.error_translation import explained
from deals_ops.errors import DONE, PARTLY, CallFailed
from deals_ops.redrive_decision import JUDGES
from deals_ops.terminal import Answer, Screen, table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from deals_ops.dead_letters import Letter
    from deals_ops.redrive_decision import Verdict
    from deals_ops.stack import Stack

ROWS_MAX = 50
"""Of a table for people; scripts get all."""


@dataclass
class _Mending:
    """A way to deal with letters, and what came of it. `act` does it; `keeps` are those it leaves alone."""

    verb: str
    done_as: str
    question: str
    act: Callable[[Letter, Verdict, DeadLetters], None]
    keeps: Callable[[Verdict], bool]
    done: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)

    def take(
        self, queue: str, letter: Letter, verdict: Verdict, dead_letters: DeadLetters, *, dry_run: bool
    ) -> None:
        """Deal with one letter. One that AWS does not take is told of; a missing right ends it all."""
        did, why = self.verb, verdict.why
        if self.keeps(verdict):
            did = "keep"
        elif not dry_run:
            try:
                self.act(letter, verdict, dead_letters)
            except Exception as error:
                reason = explained(error)
                if reason is None or reason.exit_code < CallFailed.exit_code:
                    raise
                did, why = "failed", str(reason)
        self.done += did == self.verb
        self.told.append({**described(queue, letter, verdict), "why": why, "verdict": did})


def run_redrive(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Send again what can be; a letter is deleted once its event or job is queued, so none is lost."""
    sqs, url = stack.aws.client("sqs"), stack.queue_url(arguments.queue)

    def send(letter: Letter, verdict: Verdict, dead_letters: DeadLetters) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=verdict.body)
        dead_letters.remove(letter)

    question = f"Send about {{count}} dead letters of {arguments.queue} in {stack.prefix} again?"
    mending = _Mending("redrive", "redriven", question, send, keeps=lambda verdict: verdict.body is None)
    return _mended(stack, arguments, screen, mending)


def run_purge(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Delete letters. Those that come meanwhile stay, which SQS's own PurgeQueue would not promise."""

    def delete(letter: Letter, _verdict: Verdict, dead_letters: DeadLetters) -> None:
        dead_letters.remove(letter)

    question = f"Delete about {{count}} dead letters of {arguments.queue} in {stack.prefix} for good?"
    mending = _Mending("purge", "purged", question, delete, keeps=lambda _: False)
    return _mended(stack, arguments, screen, mending)


def _mended(stack: Stack, arguments: Namespace, screen: Screen, mending: _Mending) -> Answer:
    """Judge every letter that was chosen, and deal with it."""
    queue, dry_run, limit = arguments.queue, arguments.dry_run, arguments.limit
    dead_letters = DeadLetters(stack.aws.client("sqs"), stack.dead_letter_url(queue))
    wanted = set(arguments.id or ())
    count = len(wanted) or dead_letters.count()
    if not dry_run:
        screen.confirm(mending.question.format(count=min(count, limit or count)))
    now = time.time()
    with screen.progress(mending.verb, count) as advance, dead_letters.opened() as letters:
        for letter in letters:
            if mending.done == limit or (arguments.id and not wanted):
                break
            if _chosen(letter, arguments, now):
                wanted.discard(letter.message_id)
                mending.take(queue, letter, JUDGES[queue](letter, now), dead_letters, dry_run=dry_run)
                advance(1)
    return _answer(queue, mending, sorted(wanted), dry_run=dry_run)


def _chosen(letter: Letter, arguments: Namespace, now: float) -> bool:
    older_than = getattr(arguments, "older_than", None)
    return (not arguments.id or letter.message_id in arguments.id) and (
        older_than is None or now - letter.sent_at > older_than
    )


def _answer(queue: str, mending: _Mending, missing: list[str], *, dry_run: bool) -> Answer:
    kept = len(mending.told) - mending.done
    data = {
        "queue": queue,
        "dryRun": dry_run,
        mending.done_as: mending.done,
        "kept": kept,
        "missing": missing,
        "letters": mending.told,
    }
    rows = [
        [one["id"], one["about"], one["eventId"], one["verdict"], one["why"]]
        for one in mending.told[:ROWS_MAX]
    ]
    shown: list[Any] = [table(("id", "what", "event", "verdict", "why"), rows)] if rows else []
    if len(mending.told) > ROWS_MAX:
        shown.append(f"… and {len(mending.told) - ROWS_MAX} more: --json lists them all")
    would = "would be " if dry_run else ""
    shown += [f"{would}{mending.done_as}: {mending.done}, kept: {kept}"]
    shown += [f"no such letter: {one}" for one in missing]
    return Answer(data, shown, PARTLY if kept or missing else DONE)


def described(queue: str, letter: Letter, verdict: Verdict) -> dict[str, Any]:
    """A letter for scripts."""
    return {
        "queue": queue,
        "id": letter.message_id,
        "sentAt": letter.sent_at,
        "bytes": len(letter.body.encode()),
        "about": verdict.about,
        "eventId": verdict.event_id,
        "reason": letter.reason,
        "redrivable": verdict.body is not None,
        "why": verdict.why,
    }
