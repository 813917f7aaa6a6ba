"""What the local cloud does for the console page: all of its control calls (local_cloud/README.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_cloud.console.applied_stack import AppliedStack, describe
from local_cloud.console.feed import Feed
from local_cloud.console.function_logs import FunctionLogs
from local_cloud.console.hand_over import HandOver
from local_cloud.console.handshakes import HandshakeCalls
from local_cloud.console.picture import Picture
from local_cloud.console.publishing import EventPublisher
from local_cloud.console.tokens import Tokens
from local_cloud.gateway.function_faults import FunctionFaults

if TYPE_CHECKING:
    from local_cloud.gateway.control_calls import ControlCalls
    from local_cloud.gateway.gateway import Gateway
    from local_cloud.gateway.kills import Kills

PEOPLE = ("Ann", "Ben", "Cho")
"""The people of the demo (examples/shoppers.py)."""


class Console:
    """The parts of the control API that know the applied service; `endpoint` is the front's."""

    def __init__(self, gateway: Gateway, kills: Kills, endpoint: str, *, has_redis: bool) -> None:
        self._applied, self._function_faults = AppliedStack(gateway.backend), FunctionFaults(endpoint)
        self._kills, self._has_redis = kills, has_redis
        self._feed = Feed(self._applied, EventPublisher(endpoint, gateway.backend.region))
        self._parts = (
            Tokens(self._applied),
            self._feed,
            Picture(self._applied, gateway, has_redis=has_redis),
            FunctionLogs(self._applied),
            HandOver(self._applied, gateway),
            HandshakeCalls(self._applied, gateway.handshakes),
        )

    def parts(self) -> list[ControlCalls]:
        """Return the calls of all parts."""
        own: ControlCalls = {
            "GET console": self._describe,
            "POST functions/([^/]+)/kill": self._kill,
            "POST functions/([^/]+)/suspend": self._suspend,
            "POST functions/([^/]+)/starve": self._starve,
            "GET kills": lambda _: self._kills.describe(),
        }
        return [own, *(part.calls() for part in self._parts)]

    def close(self) -> None:
        """Stop the feed, and continue functions that are suspended."""
        self._feed.close()
        self._function_faults.close()

    async def _describe(self, _: dict[str, Any]) -> dict[str, Any]:
        applied = await self._applied.find() is not None
        return {
            "stack": await self._applied.run(describe) if applied else None,
            "people": [{"user_id": name.lower(), "name": name} for name in PEOPLE],
            "redis": self._has_redis,
        }

    async def _kill(self, _: dict[str, Any], function: str) -> dict[str, Any]:
        return self._kills.request(await self._applied.full_name(function))

    async def _suspend(self, body: dict[str, Any], function: str) -> dict[str, Any]:
        return self._function_faults.suspend(body, await self._applied.full_name(function))

    async def _starve(self, body: dict[str, Any], function: str) -> dict[str, Any]:
        return self._function_faults.starve(body, await self._applied.full_name(function))
