"""Sending to SQS: batches within its limits, retries of what it did not accept, and its errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_core.aws import backoff
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.concurrency import map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

T = TypeVar("T")

# Outside limits: ten messages in a SendMessageBatch, and 256 KB in the Terraform provider's queues, which
# includes the whole batch, and attributes with their names and types.
BATCH_MAX = 10
BATCH_BYTES_MAX = 262_144


def send_all(client: SQSClient, queue_url: str, bodies: Sequence[str], delay_seconds: int = 0) -> None:
    """Send messages, with a delay of up to 900 s. Raises StoreUnavailable unless all were accepted.

    Batches are sent in threads: the chunks of a million recipients with a large payload are hundreds.
    """

    def send(batch: Sequence[str]) -> None:
        _send(client, queue_url, [_entry(index, body, delay_seconds) for index, body in enumerate(batch)])

    map_concurrently(send, list(_batches(bodies)))


def string_attribute(text: str) -> Any:
    """Return a message attribute that holds a text."""
    return {"DataType": "String", "StringValue": text}


def perform(call: Callable[[], T]) -> T:
    """Make a call, which the client retries. Raises StoreUnavailable if it fails."""
    try:
        return call()
    except Refused as error:
        raise StoreUnavailable(f"SQS {error.operation} failed: {error.code}") from error
    except Unreachable as error:
        raise StoreUnavailable(f"SQS could not be reached: {error.reason}") from error


def _send(client: SQSClient, queue_url: str, entries: list[Any]) -> None:
    """Send a batch, and retry the entries that SQS did not accept."""
    failed: list[Any] = []
    for _ in backoff.attempts():
        pending = entries
        response = perform(
            lambda: client.send_message_batch(QueueUrl=queue_url, Entries=pending)  # noqa: B023
        )
        failed = response.get("Failed", [])
        if not failed or any(entry["SenderFault"] for entry in failed):
            break
        failed_ids = {entry["Id"] for entry in failed}
        entries = [entry for entry in entries if entry["Id"] in failed_ids]
    if failed:
        codes = ", ".join(sorted({entry["Code"] for entry in failed}))
        raise StoreUnavailable(f"SQS did not accept {len(failed)} of {len(entries)} messages: {codes}")


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
    return {**entry, "MessageSystemAttributes": {"AWSTraceHeader": string_attribute(trace)}}
