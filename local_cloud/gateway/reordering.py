"""Messages that overtake each other, as a standard queue of SQS allows: each waits for a random time.

docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SENDING = frozenset({"SendMessage", "SendMessageBatch"})


def delay_messages(
    operation: str, body: bytes | None, seconds: int, choose: Callable[[int, int], int] = random.randint
) -> bytes | None:
    """Return the body of a call whose messages each wait for a time that `choose` draws from 0 to `seconds`.

    A message that has a delay of its own keeps it. Bodies of other calls and of other protocols than JSON
    stay as they are.
    """
    if operation not in SENDING or body is None:
        return body
    try:
        parameters: dict[str, Any] = json.loads(body)
        messages = [parameters] if operation == "SendMessage" else parameters["Entries"]
        for message in messages:
            message.setdefault("DelaySeconds", choose(0, seconds))
    except (ValueError, KeyError, TypeError, AttributeError):
        return body
    return json.dumps(parameters).encode()
