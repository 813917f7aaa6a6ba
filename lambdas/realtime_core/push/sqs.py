"""The queues on SQS."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.aws.sqs import BATCH_BYTES_MAX, perform, send_all, string_attribute
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import encode_job
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

REASON_CHARS_MAX = 1_000
# The longest reason in UTF-8, the other attributes, and their names.
ATTRIBUTES_BYTES = 4 * REASON_CHARS_MAX + 200

# Outside limit: SQS rejects a body with a character that XML 1.0 does not allow. The complement, a negated
# class of the allowed characters, would take ten times as long to compile, at every cold start.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class SqsBodies:
    """A queue on SQS that takes the bodies of messages; an `EventsQueue`."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, bodies: Sequence[str], delay_seconds: int = 0) -> None:
        """Queue bodies, with a delay of up to 900 s. Raises StoreUnavailable unless all were queued."""
        send_all(self._client, self._queue_url, bodies, delay_seconds)


class SqsDeliveries:
    """`Deliveries` on SQS."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._bodies = SqsBodies(client, queue_url)

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs, with a delay of up to 900 s. Raises StoreUnavailable unless all were queued."""
        self._bodies.send([encode_job(job) for job in jobs], delay_seconds)


class SqsDeadLetterQueue:
    """`DeadLetterQueue` on SQS: the unchanged input, with the reason as an attribute."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, raw: str, reason: str) -> None:
        """Store an input. An input too large for SQS is cut; `originalBytes` is then its full size."""
        body = _sendable(raw) or "(empty)"
        attributes = {"reason": string_attribute(_sendable(reason)[:REASON_CHARS_MAX] or "unknown")}
        size = byte_length(body)
        if size > BATCH_BYTES_MAX - ATTRIBUTES_BYTES:
            attributes["originalBytes"] = string_attribute(str(size))
            body = body.encode()[: BATCH_BYTES_MAX - ATTRIBUTES_BYTES].decode(errors="ignore")
        perform(
            lambda: self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body, MessageAttributes=attributes
            )
        )


def age_ms(record: Mapping[str, Any], now: float) -> int:
    """The age of a queued message in milliseconds, from its SQS record and the time in epoch seconds."""
    sent_ms = record.get("attributes", {}).get("SentTimestamp")
    return 0 if sent_ms is None else max(0, round(now * 1000) - int(sent_ms))


def _sendable(text: str) -> str:
    return _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", text)
