"""Publishes the feed's events as an application does: with the package `deals_publisher`, by the front."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from deals_ops.stack import ALIAS
from deals_publisher import Event, LambdaInvoke, NotPublished, Publisher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deals_ops.stack import Stack
    from deals_publisher import Published, PublishError

CALLS_MAX = 8
"""How many invokes wait at once; each waits in a thread of its own."""
GIVE_UP_AFTER_S = 60.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
# Longer than the timeout of `broadcast`; a call that failed is repeated here, under the ids of its events.
_CONFIG = Config(
    read_timeout=65,
    connect_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=CALLS_MAX,
)


class EventPublisher:
    """Publishes through the front at `endpoint`, so that faults hit the feed as they hit every publisher."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._client: Any = boto3.Session("test", "test", region_name=region).client(
            "lambda", endpoint_url=endpoint, config=_CONFIG
        )
        self._threads = ThreadPoolExecutor(CALLS_MAX, thread_name_prefix="feed")

    async def publish(self, stack: Stack, events: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Publish events that have ids; return of each whether the service accepted it.

        What fails is tried again under the same id until GIVE_UP_AFTER_S have passed.
        """
        publisher = Publisher(LambdaInvoke(f"{stack.prefix}-broadcast:{ALIAS}", client=self._client))
        results: dict[str, Published | PublishError] = {}
        left, deadline, tries = list(events), time.monotonic() + GIVE_UP_AFTER_S, 0
        while left:
            sent = [_build_event(event) for event in left]
            answers = await asyncio.get_running_loop().run_in_executor(
                self._threads, publisher.publish_events, sent
            )
            results |= {event["eventId"]: answer for event, answer in zip(left, answers, strict=True)}
            left = [event for event in left if isinstance(results[event["eventId"]], NotPublished)]
            if time.monotonic() >= deadline:
                break
            if left:
                await asyncio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
                tries += 1
        return [not isinstance(results[event["eventId"]], Exception) for event in events]

    def close(self) -> None:
        """Start no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _build_event(event: Mapping[str, Any]) -> Event:
    return Event(event["topic"], event["data"], event["messageType"], event.get("filters"), event["eventId"])
