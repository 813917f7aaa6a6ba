"""Reads a dead-letter queue without losing messages.

SQS cannot show a message without receiving it. A received dead letter is invisible to other consumers for
VISIBILITY_TIMEOUT_SECONDS and its receive count rises, which has no effect in a queue that has no dead-letter
queue of its own. When reading ends, even by an error, every message that was not deleted becomes visible
again at once; if that call fails too, SQS does it when the timeout ends.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

VISIBILITY_TIMEOUT_SECONDS = 600
LONG_POLL_SECONDS = 1
"""A long poll asks all servers of SQS; a short poll may find nothing although there are messages."""
BATCH_MAX = 10
"""Outside limit: messages that SQS handles in one call."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue. `attributes` are its message attributes, as strings."""

    message_id: str
    body: str
    sent_at: int
    """When it was sent to the dead-letter queue (or first sent, if SQS moved it); epoch seconds."""
    receives: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    receipt: str = field(default="", repr=False, compare=False)

    @property
    def reason(self) -> str | None:
        """Why it is here, if the service recorded that."""
        return self.attributes.get("reason")


class DeadLetters:
    """The messages of one dead-letter queue."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self._receipts: dict[str, str] = {}
        """Receipt handles of the messages that are invisible to others, by message id."""

    def count(self) -> int:
        """Return how many there are; SQS knows only an approximate number."""
        names = ["ApproximateNumberOfMessages"]
        response = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return int(response["Attributes"][names[0]])

    @contextmanager
    def receive(self) -> Iterator[Iterator[DeadLetter]]:
        """Yield the dead letters that exist now, each once; on exit those not deleted become visible."""
        try:
            yield self._receive_until(time.time())
        finally:
            self._make_visible()

    def delete_all(self, dead_letters: Sequence[DeadLetter]) -> dict[str, str]:
        """Delete up to BATCH_MAX dead letters that were received; returns why some are left, by their ids."""
        if not dead_letters:
            return {}
        entries = [
            {"Id": str(number), "ReceiptHandle": dead_letter.receipt}
            for number, dead_letter in enumerate(dead_letters)
        ]
        response = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        left = {int(entry["Id"]): entry for entry in response.get("Failed", [])}
        for number, dead_letter in enumerate(dead_letters):
            if number not in left:
                self._receipts.pop(dead_letter.message_id, None)
        return {
            dead_letters[number].message_id: f"not deleted: {entry.get('Message', entry['Code'])}"
            for number, entry in left.items()
        }

    def _receive_until(self, last_sent_at: float) -> Iterator[DeadLetter]:
        seen: set[str] = set()
        while True:
            response = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH_MAX,
                VisibilityTimeout=VISIBILITY_TIMEOUT_SECONDS,
                WaitTimeSeconds=LONG_POLL_SECONDS,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            messages = response.get("Messages", [])
            self._receipts |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}

            parsed = map(_parse_message, messages)
            unseen = [dead_letter for dead_letter in parsed if dead_letter.message_id not in seen]
            if not unseen:
                return
            seen |= {dead_letter.message_id for dead_letter in unseen}
            # Messages that arrive during the loop wait for the next command: else it might never end.
            yield from (dead_letter for dead_letter in unseen if dead_letter.sent_at <= last_sent_at)

    def _make_visible(self) -> None:
        receipts = iter(self._receipts.values())
        while batch := list(itertools.islice(receipts, BATCH_MAX)):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                    for number, receipt in enumerate(batch)
                ],
            )
        self._receipts.clear()


def _parse_message(message: Mapping[str, Any]) -> DeadLetter:
    system = message.get("Attributes", {})
    return DeadLetter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=int(system.get("SentTimestamp", 0)) // 1000,
        receives=int(system.get("ApproximateReceiveCount", 0)),
        attributes={
            name: str(value.get("StringValue", ""))
            for name, value in message.get("MessageAttributes", {}).items()
        },
        receipt=message["ReceiptHandle"],
    )
