"""`dlq redrive` and `dlq purge`: send dead letters again, or delete them, ten by ten."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deals_ops.dead_letters import BATCH_MAX, DeadLetters
from deals_ops.error_translation import translate_error
from deals_ops.errors import DONE, PARTLY, CallFailed
from deals_ops.formatting import build_table
from deals_ops.redrive_decision import DECIDE_BY_QUEUE
from deals_ops.terminal import CommandResult, Terminal
from realtime_core.aws.sqs import BATCH_BYTES_MAX

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from deals_ops.dead_letters import DeadLetter
    from deals_ops.redrive_decision import RedriveDecision
    from deals_ops.stack import Stack

    _Decided = tuple[DeadLetter, RedriveDecision]

ROWS_MAX = 50
"""Of the table for people; `--json` has all of them."""


@dataclass
class _Action:
    """What to do with dead letters, and the outcomes so far."""

    verb: str
    participle: str
    question: str
    perform: Callable[[Sequence[_Decided], DeadLetters], Mapping[str, str]]
    """Acts on up to ten dead letters; returns why it failed for some, by their ids."""
    keeps: Callable[[RedriveDecision], bool]
    """Whether the action leaves a dead letter where it is."""
    done: int = 0
    outcomes: list[dict[str, Any]] = field(default_factory=list)

    def process(self, decided: Sequence[_Decided], dead_letters: DeadLetters) -> Mapping[str, str]:
        """Process dead letters; returns why that failed for some. A missing permission is raised."""
        acted = [pair for pair in decided if not self.keeps(pair[1])]
        try:
            return self.perform(acted, dead_letters) if acted else {}
        except Exception as error:
            reason = translate_error(error)
            # Only a failed call may succeed for the next dead letters.
            if reason is None or reason.exit_code < CallFailed.exit_code:
                raise
            return dict.fromkeys((dead_letter.message_id for dead_letter, _ in acted), str(reason))

    def note(self, queue: str, dead_letter: DeadLetter, decision: RedriveDecision, failure: str) -> None:
        """Note the outcome of one dead letter."""
        verdict = "keep" if self.keeps(decision) else "failed" if failure else self.verb
        self.done += verdict == self.verb
        why = failure or decision.why
        self.outcomes.append({**describe(queue, dead_letter, decision), "why": why, "verdict": verdict})


def run_redrive(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Send dead letters again; each is deleted after its event or job is queued, so none is lost."""
    sqs, url = stack.aws.client("sqs"), stack.get_queue_url(arguments.queue)

    def send(decided: Sequence[_Decided], dead_letters: DeadLetters) -> Mapping[str, str]:
        failures: dict[str, str] = {}
        for some in _of_one_call(decided):
            entries = [
                {"Id": str(number), "MessageBody": decision.body} for number, (_, decision) in enumerate(some)
            ]
            refused = sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
            unsent = {int(entry["Id"]): str(entry.get("Message", entry["Code"])) for entry in refused}
            failures |= {some[number][0].message_id: why for number, why in unsent.items()}
            sent = [dead_letter for number, (dead_letter, _) in enumerate(some) if number not in unsent]
            failures |= dead_letters.delete_all(sent)
        return failures

    question = f"Send about {{count}} dead letters of {arguments.queue} in {stack.prefix} again?"
    action = _Action("redrive", "redriven", question, send, keeps=lambda decision: decision.body is None)
    return _process_all(stack, arguments, terminal, action)


def run_purge(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Delete dead letters. Those that arrive meanwhile stay, which PurgeQueue of SQS does not promise."""

    def delete(decided: Sequence[_Decided], dead_letters: DeadLetters) -> Mapping[str, str]:
        return dead_letters.delete_all([dead_letter for dead_letter, _ in decided])

    question = f"Permanently delete about {{count}} dead letters of {arguments.queue} in {stack.prefix}?"
    action = _Action("purge", "purged", question, delete, keeps=lambda _: False)
    return _process_all(stack, arguments, terminal, action)


def open_dead_letters(stack: Stack, queue: str) -> DeadLetters:
    """Return the dead letters of a queue."""
    return DeadLetters(stack.aws.client("sqs"), stack.get_dead_letter_url(queue))


def describe(queue: str, dead_letter: DeadLetter, decision: RedriveDecision) -> dict[str, Any]:
    """Return what `--json` prints of a dead letter."""
    return {
        "queue": queue,
        "id": dead_letter.message_id,
        "sentAt": dead_letter.sent_at,
        "bytes": len(dead_letter.body.encode()),
        "about": decision.about,
        "eventId": decision.event_id,
        "reason": dead_letter.reason,
        "redrivable": decision.body is not None,
        "why": decision.why,
    }


def _process_all(stack: Stack, arguments: Namespace, terminal: Terminal, action: _Action) -> CommandResult:
    """Confirm, then process each selected dead letter."""
    queue, dry_run, limit = arguments.queue, arguments.dry_run, arguments.limit
    dead_letters = open_dead_letters(stack, queue)
    missing = set(arguments.id or ())

    count = len(missing) or dead_letters.count()
    if not dry_run:
        terminal.confirm(action.question.format(count=min(count, limit or count)))

    now = time.time()
    with terminal.show_progress(action.verb, count) as advance, dead_letters.receive() as received:
        selected = _select(received, arguments, missing, now)
        while some := list(itertools.islice(selected, _room(limit, action.done))):
            decided = [(dead_letter, DECIDE_BY_QUEUE[queue](dead_letter, now)) for dead_letter in some]
            failures = {} if dry_run else action.process(decided, dead_letters)
            for dead_letter, decision in decided:
                action.note(queue, dead_letter, decision, failures.get(dead_letter.message_id, ""))
                advance(1)
    return _build_result(queue, action, sorted(missing), dry_run=dry_run)


def _room(limit: int | None, done: int) -> int:
    """How many to process together: as many as a call of SQS takes, unless that is more than are wanted."""
    return BATCH_MAX if limit is None else min(BATCH_MAX, limit - done)


def _of_one_call(decided: Sequence[_Decided]) -> Iterator[list[_Decided]]:
    """Split dead letters into those whose bodies fit a call of SQS together."""
    together: list[_Decided] = []
    size = 0
    for pair in decided:
        of_body = len((pair[1].body or "").encode())
        if together and size + of_body > BATCH_BYTES_MAX:
            yield together
            together, size = [], 0
        together.append(pair)
        size += of_body
    yield together


def _select(
    received: Iterator[DeadLetter], arguments: Namespace, missing: set[str], now: float
) -> Iterator[DeadLetter]:
    """The dead letters that the arguments select; those named by id are taken out of `missing`."""
    for dead_letter in received:
        if _is_selected(dead_letter, arguments, now):
            missing.discard(dead_letter.message_id)
            yield dead_letter
            if arguments.id and not missing:
                return


def _is_selected(dead_letter: DeadLetter, arguments: Namespace, now: float) -> bool:
    if arguments.id and dead_letter.message_id not in arguments.id:
        return False
    older_than = getattr(arguments, "older_than", None)
    return older_than is None or now - dead_letter.sent_at > older_than


def _build_result(queue: str, action: _Action, missing: list[str], *, dry_run: bool) -> CommandResult:
    kept = len(action.outcomes) - action.done
    data = {
        "queue": queue,
        "dryRun": dry_run,
        action.participle: action.done,
        "kept": kept,
        "missing": missing,
        "letters": action.outcomes,
    }

    rows = [
        [outcome["id"], outcome["about"], outcome["eventId"], outcome["verdict"], outcome["why"]]
        for outcome in action.outcomes[:ROWS_MAX]
    ]
    display: list[Any] = [build_table(("id", "what", "event", "verdict", "why"), rows)] if rows else []
    if len(action.outcomes) > ROWS_MAX:
        display.append(f"… and {len(action.outcomes) - ROWS_MAX} more: --json lists them all")
    would = "would be " if dry_run else ""
    display.append(f"{would}{action.participle}: {action.done}, kept: {kept}")
    display += [f"no such dead letter: {message_id}" for message_id in missing]
    return CommandResult(data, display, PARTLY if kept or missing else DONE)
