"""The paths by which the demo publishes in turn: invoke, HTTP and, with Redis, its stream and channels."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import redis

from deals_publisher import HttpApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.stack import Stack

RELAY_START_SECONDS = 20.0
"""How long the relay may take until it listens: its function starts cold."""


class PublishPaths:
    """Publishes deals; `path_by_event` has the path of each, by event id."""

    def __init__(self, stack: Stack) -> None:
        self.path_by_event: dict[str, str] = {}
        self._lambda = stack.client("lambda")
        self._broadcast = stack.outputs["function_arns"]["broadcast"]
        # As a backend outside AWS: with a token that may publish public deals alone.
        token = stack.token("shop", scope="publish", topics=["*"])
        self._http = HttpApi(stack.outputs["publish_api_url"], token=token)
        self._paths: dict[str, Callable[[dict[str, Any]], Any]] = {
            "invoke": self._invoke,
            "POST": self._http.send,
        }
        if stack.redis is not None:
            self._redis = redis.Redis.from_url(stack.redis.url, **stack.redis.options())
            self._paths |= {"XADD": self._add_to_stream, "PUBLISH": self._publish_to_channel}
        self._turns = itertools.cycle(self._paths)

    async def wait_until_ready(self) -> None:
        """Wait until the relay listens to the channels, if they are used. Raises TimeoutError."""
        deadline = time.monotonic() + RELAY_START_SECONDS
        while "PUBLISH" in self._paths:
            if await asyncio.to_thread(self._redis.exists, "deals:relay:lease"):
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the relay does not listen to Redis; see the logs of redis_relay")
            await asyncio.sleep(0.1)

    async def publish(self, deal: dict[str, Any]) -> None:
        """Publish a deal by the next path."""
        path = next(self._turns)
        self.path_by_event[deal["eventId"]] = path
        await self.publish_by(path, deal)

    async def publish_by(self, path: str, deal: dict[str, Any]) -> None:
        """Publish a deal by one of the paths."""
        await asyncio.to_thread(self._paths[path], deal)

    def names(self) -> list[str]:
        """Return the paths in the order of their turns."""
        return list(self._paths)

    def _invoke(self, deal: dict[str, Any]) -> None:
        self._lambda.invoke(FunctionName=self._broadcast, Payload=json.dumps(deal).encode())

    def _add_to_stream(self, deal: dict[str, Any]) -> None:
        self._redis.xadd("deals:events", {"event": json.dumps(deal)})

    def _publish_to_channel(self, deal: dict[str, Any]) -> None:
        self._redis.publish(f"deals:{deal['topic']}", json.dumps(deal))
