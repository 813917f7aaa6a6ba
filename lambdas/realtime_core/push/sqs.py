"""The deliveries queue, and the dead-letter queue for what was refused, on SQS."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_core.aws import backoff
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import encode_job
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

T = TypeVar("T")

# Outside limits: of SendMessageBatch, and of the queues (Terraform's provider allows no more than 256 KB,
# which counts a batch as a whole, and attributes with their names and types).
BATCH_MAX = 10
BATCH_BYTES_MAX = 262_144

REASON_CHARS_MAX = 1_000
# The reason in UTF-8 at its longest, the other attributes, and their names.
ATTRIBUTES_BYTES = 4 * REASON_CHARS_MAX + 200

# Outside limit: SQS refuses a body with a character that XML 1.0 does not know. "None of those that it does
# know" takes ten times as long to compile, at every cold start.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class SqsDeliveries:
    """`Deliveries` on SQS."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs, after a delay of up to 900 s. Raises StoreUnavailable unless every one was taken."""
        for batch in _batches([encode_job(job) for job in jobs]):
            self._send([_entry(place, body, delay_seconds) for place, body in enumerate(batch)])

    def _send(self, entries: list[Any]) -> None:
        """Send a batch, and again what SQS did not take of it."""
        failed: list[Any] = []
        for _ in backoff.attempts():
            pending = entries
            answer = _perform(
                lambda: self._client.send_message_batch(QueueUrl=self._queue_url, Entries=pending)  # noqa: B023
            )
            failed = answer.get("Failed", [])
            if not failed or any(one["SenderFault"] for one in failed):
                break
            left = {one["Id"] for one in failed}
            entries = [entry for entry in entries if entry["Id"] in left]
        if failed:
            codes = ", ".join(sorted({one["Code"] for one in failed}))
            raise StoreUnavailable(f"SQS did not take {len(failed)} of {len(entries)} jobs: {codes}")


class SqsDeadLetterQueue:
    """`DeadLetterQueue` on SQS: the input as it came, with the reason as an attribute."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, raw: str, reason: str) -> None:
        """Keep what was refused. Of what SQS cannot hold, the beginning; `originalBytes` is its size."""
        body = _sendable(raw) or "(empty)"
        attributes = {"reason": _attribute(_sendable(reason)[:REASON_CHARS_MAX] or "unknown")}
        size = byte_length(body)
        if size > BATCH_BYTES_MAX - ATTRIBUTES_BYTES:
            attributes["originalBytes"] = _attribute(str(size))
            body = body.encode()[: BATCH_BYTES_MAX - ATTRIBUTES_BYTES].decode(errors="ignore")
        _perform(
            lambda: self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body, MessageAttributes=attributes
            )
        )


def age_ms(record: Mapping[str, Any], now: float) -> int:
    """How long a message had been in its queue, from SQS's record of it and the time in epoch seconds."""
    sent_ms = record.get("attributes", {}).get("SentTimestamp")
    return 0 if sent_ms is None else max(0, round(now * 1000) - int(sent_ms))


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Split into what SQS takes at once: ten bodies, and 256 KB in all."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = byte_length(body)
        if length > BATCH_BYTES_MAX:
            raise StoreUnavailable(
                f"a job of {length} bytes passes the {BATCH_BYTES_MAX} of SQS; plan fewer connections a job"
            )
        if len(batch) == BATCH_MAX or size + length > BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def _entry(place: int, body: str, delay_seconds: int) -> Any:
    entry = {"Id": str(place), "MessageBody": body, "DelaySeconds": delay_seconds}
    # Lambda names the invocation's trace here, and X-Ray links what SQS hands on to it. Nobody else needs it.
    trace = os.environ.get("_X_AMZN_TRACE_ID", "")
    if "Sampled=1" not in trace:
        return entry
    return {**entry, "MessageSystemAttributes": {"AWSTraceHeader": _attribute(trace)}}


def _attribute(text: str) -> Any:
    return {"DataType": "String", "StringValue": text}


def _sendable(text: str) -> str:
    return _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _perform(call: Callable[[], T]) -> T:
    """Make a call; the client has retried it. Raises StoreUnavailable for its faults."""
    try:
        return call()
    except Refused as error:
        raise StoreUnavailable(f"SQS {error.operation} failed: {error.code}") from error
    except Unreachable as error:
        raise StoreUnavailable(f"SQS could not be reached: {error.reason}") from error
