"""The queues on SQS."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_core.aws import backoff
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.concurrency import map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import encode_job
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

T = TypeVar("T")

# Outside limits: ten messages in a SendMessageBatch, and 256 KB in the Terraform provider's queues, which
# includes the whole batch, and attributes with their names and types.
BATCH_MAX = 10
BATCH_BYTES_MAX = 262_144

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
        """Queue bodies, with a delay of up to 900 s. Raises StoreUnavailable unless all were queued.

        Batches are sent in threads: the chunks of a million recipients with a large payload are hundreds.
        """
        map_concurrently(lambda batch: self._send_batch(batch, delay_seconds), list(_batches(bodies)))

    def _send_batch(self, batch: Sequence[str], delay_seconds: int) -> None:
        self._send([_entry(index, body, delay_seconds) for index, body in enumerate(batch)])

    def _send(self, entries: list[Any]) -> None:
        """Send a batch, and retry the entries that SQS did not accept."""
        failed: list[Any] = []
        for _ in backoff.attempts():
            pending = entries
            response = _perform(
                lambda: self._client.send_message_batch(QueueUrl=self._queue_url, Entries=pending)  # noqa: B023
            )
            failed = response.get("Failed", [])
            if not failed or any(entry["SenderFault"] for entry in failed):
                break
            failed_ids = {entry["Id"] for entry in failed}
            entries = [entry for entry in entries if entry["Id"] in failed_ids]
        if failed:
            codes = ", ".join(sorted({entry["Code"] for entry in failed}))
            raise StoreUnavailable(f"SQS did not accept {len(failed)} of {len(entries)} messages: {codes}")


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
    """The age of a queued message in milliseconds, from its SQS record and the time in epoch seconds."""
    sent_ms = record.get("attributes", {}).get("SentTimestamp")
    return 0 if sent_ms is None else max(0, round(now * 1000) - int(sent_ms))


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Split bodies into batches of at most ten bodies and 256 KB."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = byte_length(body)
        if length > BATCH_BYTES_MAX:
            raise StoreUnavailable(f"a message of {length} bytes exceeds the {BATCH_BYTES_MAX} of SQS")
        if len(batch) == BATCH_MAX or size + length > BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def _entry(index: int, body: str, delay_seconds: int) -> Any:
    entry = {"Id": str(index), "MessageBody": body, "DelaySeconds": delay_seconds}
    # Lambda sets the trace id of the invocation; with it, X-Ray links the receiver's trace to this one.
    trace = os.environ.get("_X_AMZN_TRACE_ID", "")
    if "Sampled=1" not in trace:
        return entry
    return {**entry, "MessageSystemAttributes": {"AWSTraceHeader": _attribute(trace)}}


def _attribute(text: str) -> Any:
    return {"DataType": "String", "StringValue": text}


def _sendable(text: str) -> str:
    return _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _perform(call: Callable[[], T]) -> T:
    """Make a call, which the client retries. Raises StoreUnavailable if it fails."""
    try:
        return call()
    except Refused as error:
        raise StoreUnavailable(f"SQS {error.operation} failed: {error.code}") from error
    except Unreachable as error:
        raise StoreUnavailable(f"SQS could not be reached: {error.reason}") from error
