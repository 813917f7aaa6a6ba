"""Reading a dead-letter queue without losing anything: what is looked at is held, then given back.

SQS has no way to look without taking. A letter that is received is hidden from others for HOLD_SECONDS, its
count of receives rises (which costs nothing in a queue that has no dead letters of its own), and it is given
back at once when the reading ends, however it ends; where even that fails, SQS gives it back by itself.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

HOLD_SECONDS = 600
WAIT_SECONDS = 1
"""A long poll asks all of SQS's servers; a short one may find nothing where there is something."""
BATCH_MAX = 10
"""Outside limit: what SQS hands out, or takes back, at once."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. `attributes` are its message attributes, as strings."""

    message_id: str
    body: str
    sent_at: int
    """When it came to the dead letters (or, where SQS moved it, was first sent); epoch seconds."""
    receives: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    receipt: str = field(default="", repr=False, compare=False)

    @property
    def reason(self) -> str | None:
        """Why it is here, where the service said so."""
        return self.attributes.get("reason")


class DeadLetters:
    """The letters of one dead-letter queue."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self._held: dict[str, str] = {}

    def count(self) -> int:
        """How many there are, about: SQS does not know better."""
        names = ["ApproximateNumberOfMessages"]
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return int(answer["Attributes"][names[0]])

    @contextmanager
    def opened(self) -> Iterator[Iterator[Letter]]:
        """The letters there are now, each once; at the end of the block those not removed are given back."""
        try:
            yield self._letters(until=time.time())
        finally:
            self._give_back()

    def remove(self, letter: Letter) -> None:
        """Delete a letter that is being looked at."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._held.pop(letter.message_id, None)

    def _letters(self, until: float) -> Iterator[Letter]:
        seen: set[str] = set()
        while True:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH_MAX,
                VisibilityTimeout=HOLD_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            self._held |= {one["MessageId"]: one["ReceiptHandle"] for one in messages}
            fresh = [letter for letter in map(_letter, messages) if letter.message_id not in seen]
            if not fresh:
                return
            seen |= {letter.message_id for letter in fresh}
            # What comes while this reads is left for the next time: else it might never end.
            yield from (letter for letter in fresh if letter.sent_at <= until)

    def _give_back(self) -> None:
        held = iter(self._held.items())
        while batch := list(itertools.islice(held, BATCH_MAX)):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                    for place, (_, receipt) in enumerate(batch)
                ],
            )
        self._held.clear()


def _letter(message: Mapping[str, Any]) -> Letter:
    told = message.get("Attributes", {})
    return Letter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=int(told.get("SentTimestamp", 0)) // 1000,
        receives=int(told.get("ApproximateReceiveCount", 0)),
        attributes={
            name: str(value.get("StringValue", ""))
            for name, value in message.get("MessageAttributes", {}).items()
        },
        receipt=message["ReceiptHandle"],
    )
