"""The forwards queue on SQS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from realtime_core.aws.sqs import send_all
from realtime_core.forwarding.base import Forward, encode_forward

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class SqsForwards:
    """`Forwards` on SQS."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, forwards: Sequence[Forward]) -> None:
        """Queue events for their buses (one call for ten). Raises StoreUnavailable unless all were queued."""
        send_all(self._client, self._queue_url, [encode_forward(forward) for forward in forwards])
