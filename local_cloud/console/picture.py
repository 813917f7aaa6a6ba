"""The service's own picture: its parts, the calls between them that pass the front, what waits in queues."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from deals_ops.stack import QUEUE_READERS
from deals_ops.stack_state import describe_queue
from local_cloud.console.applied_stack import list_functions
from local_cloud.gateway.events import now_ms
from local_cloud.gateway.traffic import CLIENTS, GATEWAY, PUBLISHERS, REDIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deals_ops.stack import Stack
    from local_cloud.console.applied_stack import AppliedStack
    from local_cloud.gateway.control_calls import ControlCalls
    from local_cloud.gateway.gateway import Gateway
    from local_cloud.gateway.traffic import Traffic

# However many pages look, the emulator is asked once in this time.
KEPT_S = 0.9
_TABLE_SETTING = "_TABLE"


class Inventory(NamedTuple):
    """The stack's parts by place (`queue:deals-local-events`), with their labels, and what queues hold."""

    functions: dict[str, str]
    tables: dict[str, str]
    queues: dict[str, dict[str, Any]]
    read_by: dict[str, str]
    """By the place of a queue: that of the function that works on it."""


class Picture:
    """Draws the picture of the applied stack."""

    def __init__(self, applied: AppliedStack, gateway: Gateway, *, has_redis: bool) -> None:
        self._applied, self._gateway, self._has_redis = applied, gateway, has_redis
        self._read: tuple[float, Inventory] | None = None
        self._reading = asyncio.Lock()

    def calls(self) -> ControlCalls:
        """Return the call by method and path."""
        return {"GET picture": self._draw}

    async def _draw(self, _: dict[str, Any]) -> dict[str, Any]:
        inventory = await self._take_inventory()
        traffic = self._gateway.backend.traffic
        nodes = list(self._list_nodes(inventory, traffic))
        known = {node["id"] for node in nodes}
        calls = [
            {"from": edge.source, "to": edge.target, "last_second": number}
            for edge, number in sorted(traffic.calls().items())
            if edge.source in known and edge.target in known
        ]
        # A queue's function is called inside the emulator, where nothing counts.
        calls += [
            {"from": queue, "to": function, "last_second": None}
            for queue, function in inventory.read_by.items()
            if function in known
        ]
        return {"at_ms": now_ms(), "nodes": nodes, "calls": calls}

    def _list_nodes(self, inventory: Inventory, traffic: Traffic) -> Iterator[dict[str, Any]]:
        yield {"id": CLIENTS, "kind": "clients", "label": "clients", "open": len(self._gateway.sessions)}
        yield {"id": PUBLISHERS, "kind": "publishers", "label": "publishers"}
        yield {"id": GATEWAY, "kind": "gateway", "label": "gateway", "errors": traffic.failures(GATEWAY)}
        for place, label in inventory.functions.items():
            state = {"in_flight": traffic.in_flight(place), "errors": traffic.failures(place)}
            yield {"id": place, "kind": "function", "label": label, **state}
        for place, queue in inventory.queues.items():
            yield {"id": place, "kind": "queue", **queue, "errors": traffic.failures(place)}
        for place, label in inventory.tables.items():
            state = {"in_flight": traffic.in_flight(place), "errors": traffic.failures(place)}
            yield {"id": place, "kind": "table", "label": label, **state}
        if self._has_redis:
            yield {"id": REDIS, "kind": "redis", "label": "Redis"}

    async def _take_inventory(self) -> Inventory:
        async with self._reading:
            if self._read is None or time.monotonic() - self._read[0] > KEPT_S:
                self._read = (time.monotonic(), await self._applied.run(_take_inventory))
            return self._read[1]


def _take_inventory(stack: Stack) -> Inventory:
    functions = list_functions(stack)
    tables: dict[str, str] = {}
    for function in functions:
        variables = stack.get_configuration(function).get("Environment", {}).get("Variables", {})
        tables |= {
            f"table:{value}": name.removesuffix(_TABLE_SETTING).lower().replace("_", "-")
            for name, value in variables.items()
            if name.endswith(_TABLE_SETTING) and value
        }

    queues, read_by = {}, {}
    for label in stack.list_queues():
        place = f"queue:{stack.get_queue_url(label).rpartition('/')[2]}"
        live, dead = describe_queue(stack, label), describe_queue(stack, f"{label}_dlq")
        queues[place] = {
            "label": label,
            "waiting": live["waiting"],
            "in_flight": live["inFlight"],
            "dead": dead["waiting"],
        }
        read_by[place] = f"function:{stack.prefix}-{QUEUE_READERS[label]}"
    places = {f"function:{stack.prefix}-{name}": name for name in functions}
    return Inventory(places, dict(sorted(tables.items())), queues, read_by)
