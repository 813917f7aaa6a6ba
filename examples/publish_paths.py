"""The ways by which the demo publishes its deals, in turns: an invoke and, where there is Redis, by it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.stack import Stack

LISTENING_WITHIN_SECONDS = 20.0
"""How long the relay may take to listen: its function starts cold."""


class Ways:
    """Publishes deals; `used` is the way of each, by event id."""

    def __init__(self, stack: Stack) -> None:
        self.used: dict[str, str] = {}
        self._functions = stack.client("lambda")
        self._broadcast = stack.outputs["function_names"]["broadcast"]
        self._ways: dict[str, Callable[[dict[str, Any]], Any]] = {"invoke": self._invoke}
        if stack.redis is not None:
            self._redis = redis.Redis.from_url(stack.redis.url, **stack.redis.options())
            self._ways |= {"XADD": self._add, "PUBLISH": self._publish}
        self._turns = itertools.cycle(self._ways)

    async def ready(self) -> None:
        """Wait until somebody listens to the channels, if they are used. Raises TimeoutError."""
        deadline = time.monotonic() + LISTENING_WITHIN_SECONDS
        while "PUBLISH" in self._ways:
            if await asyncio.to_thread(self._redis.exists, "deals:relay:lease"):
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the relay does not listen to Redis; see the logs of redis_relay")
            await asyncio.sleep(0.1)

    async def publish(self, deal: dict[str, Any]) -> None:
        """Publish a deal by the way whose turn it is."""
        way = next(self._turns)
        self.used[deal["eventId"]] = way
        await asyncio.to_thread(self._ways[way], deal)

    def names(self) -> list[str]:
        """The ways, in the order of their turns."""
        return list(self._ways)

    def _invoke(self, deal: dict[str, Any]) -> None:
        self._functions.invoke(FunctionName=self._broadcast, Payload=json.dumps(deal).encode())

    def _add(self, deal: dict[str, Any]) -> None:
        self._redis.xadd("deals:events", {"event": json.dumps(deal)})

    def _publish(self, deal: dict[str, Any]) -> None:
        self._redis.publish(f"deals:{deal['topic']}", json.dumps(deal))
