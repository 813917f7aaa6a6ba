"""What SQS refuses for its size.

docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html; messages as recorded
from AWS in moto's test_sqs.py.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from local_cloud.limits.settings import Limits, Refusal, exceeds

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_request(operation: str, parameters: Mapping[str, Any], limits: Limits) -> Refusal | None:
    """Return AWS's error for a SendMessage or SendMessageBatch above the limit, else None."""
    limit = limits.sqs_message_bytes
    if operation == "SendMessage" and exceeds(measure_message(parameters), limit):
        return Refusal(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.",
        )
    if operation == "SendMessageBatch":
        size = sum(map(measure_message, parameters.get("Entries", ())))
        if exceeds(size, limit):
            return Refusal(
                "AWS.SimpleQueueService.BatchRequestTooLong",
                f"Batch requests cannot be longer than {limit} bytes. You have sent {size} bytes.",
            )
    return None


def measure_message(message: Mapping[str, Any]) -> int:
    """Return the size of a message in bytes: its body, and its attributes' names, types and values."""
    size = len(str(message.get("MessageBody", "")).encode())
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len(str(attribute.get("StringValue", "")).encode())
        size += len(base64.b64decode(attribute.get("BinaryValue", "")))
    return size
