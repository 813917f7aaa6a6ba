"""What goes wrong, at random: calls to AWS, functions, connections."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import random
    from collections import Counter

    from tests.e2e.service import Service

KILLED_FIRST = ("broadcast", "delivery", "message_router")
"""The functions that even a short run kills, in any order; then any of all."""
KILLED = (*KILLED_FIRST, "connection_handler", "authorizer", "janitor")
OVERLAPPING_MAX = 3
"""Faults of calls that are in force at once."""

_THROTTLED = {"status": 400, "error": "ThrottlingException"}
_FAILED = {"status": 500, "error": "InternalServerError"}


class CallFault(NamedTuple):
    """A fault of calls to AWS: the control API's fields, and how often it is chosen."""

    name: str
    fields: dict[str, Any]
    weight: int = 1


def _fault(name: str, service: str, *, weight: int = 1, **fields: Any) -> CallFault:
    return CallFault(name, {"service": service, **fields}, weight)


FAULTS = (
    _fault("DynamoDB throttles", "dynamodb", share=0.4, weight=3, **_THROTTLED),
    _fault("DynamoDB throttles all updates", "dynamodb", operation="UpdateItem", **_THROTTLED),
    _fault("DynamoDB fails", "dynamodb", share=0.3, **_FAILED),
    _fault("DynamoDB is slow", "dynamodb", share=0.3, delay_ms=1_000),
    # Its client cannot be pushed to yet, but pushers find the record.
    _fault(
        "handshakes are slow",
        "dynamodb",
        operation="PutItem",
        cut="after",
        delay_ms=1_500,
        share=0.5,
        weight=2,
    ),
    _fault("requests to DynamoDB are cut", "dynamodb", share=0.2, cut="before"),
    _fault("answers of DynamoDB are cut", "dynamodb", share=0.2, cut="after", weight=2),
    _fault("SQS throttles", "sqs", share=0.6, weight=2, **_THROTTLED),
    _fault("SQS is down", "sqs", **_FAILED),
    _fault("answers of SQS are cut", "sqs", share=0.4, cut="after"),
    _fault("posts are throttled", "execute-api", share=0.6, status=429, error="LimitExceededException"),
    _fault("posts fail", "execute-api", share=0.5, **_FAILED),
    _fault("posts are forbidden", "execute-api", share=0.5, status=403, error="ForbiddenException"),
    _fault("answers to posts are cut", "execute-api", share=0.5, cut="after"),
    _fault("posts are slow", "execute-api", share=0.5, delay_ms=1_500),
    _fault("invokes are throttled", "lambda", share=0.5, status=429, error="TooManyRequestsException"),
    _fault("answers to invokes are cut", "lambda", share=0.3, cut="after"),
)


class Trouble:
    """Makes trouble for one service; the same dice make the same trouble at about the same times."""

    def __init__(self, service: Service, dice: random.Random, counts: Counter[str]) -> None:
        self._service, self._dice, self._counts = service, dice, counts

    async def make(self, seconds: float) -> float:
        """Make trouble for so long, and end all of it; return the monotonic time of its end."""
        deadline = time.monotonic() + seconds
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._kill_functions(deadline))
                group.create_task(self._drop_connections(deadline))
                for _ in range(OVERLAPPING_MAX):
                    group.create_task(self._fail_calls(deadline))
        finally:
            await self._control("faults", method="DELETE")
            await self._control("lose-disconnects", {"times": 0})
        return time.monotonic()

    async def _fail_calls(self, deadline: float) -> None:
        while await self._pause(0.2, 3, deadline):
            [fault] = self._dice.choices(FAULTS, [fault.weight for fault in FAULTS])
            fault_id = (await self._control("faults", fault.fields))["fault_id"]
            await self._pause(0.5, 4, deadline)
            in_force = await self._control("faults", method="GET")
            hits = next((item["hits"] for item in in_force if item["fault_id"] == fault_id), 0)
            await self._control(f"faults/{fault_id}", method="DELETE")
            self._counts[f"calls hit: {fault.name}"] += hits

    async def _kill_functions(self, deadline: float) -> None:
        first = self._dice.sample(KILLED_FIRST, len(KILLED_FIRST))
        while await self._pause(2, 5, deadline):
            function = first.pop() if first else self._dice.choice(KILLED)
            killed = await asyncio.to_thread(self._service.kill, function)
            if not killed and function in KILLED_FIRST:
                first.insert(0, function)  # none has started yet
            self._counts[f"processes killed: {function}"] += killed

    async def _drop_connections(self, deadline: float) -> None:
        """Drop one connection of anybody, in half of the cases with its `$disconnect`."""
        while await self._pause(0.3, 1.5, deadline):
            is_lost = self._dice.random() < 0.5
            connections = await self._control("connections", method="GET")
            if not connections:
                continue
            one = self._dice.choice(connections)["connection_id"]
            try:
                await self._control(f"connections/{one}/drop", {"lose_disconnect": is_lost})
            except OSError:
                continue  # it ended meanwhile
            self._counts["connections dropped" + (" without $disconnect" if is_lost else "")] += 1

    async def _pause(self, shortest: float, longest: float, deadline: float) -> bool:
        """Sleep for a random time, at most until the deadline; return whether it is not reached."""
        left = deadline - time.monotonic()
        await asyncio.sleep(max(0.0, min(left, self._dice.uniform(shortest, longest))))
        return time.monotonic() < deadline

    async def _control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await asyncio.to_thread(self._service.control, path, body, method)
