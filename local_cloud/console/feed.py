"""The feed: publishes the demo's deals over and over at a rate, and says what it published.

So a page can count what should have come, apart from the service that brings it.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from local_cloud.console.hostile_deals import build_hostile_deals
from local_cloud.gateway.control_calls import BadCall, Unavailable
from local_cloud.gateway.control_fields import read_flag, read_number
from local_cloud.gateway.events import now_ms
from local_cloud.settings import REPOSITORY, parse_digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deals_ops.stack import Stack
    from local_cloud.console.applied_stack import AppliedStack
    from local_cloud.console.publishing import EventPublisher
    from local_cloud.gateway.control_calls import ControlCalls

DEALS = REPOSITORY / "examples" / "deals.jsonl"
PER_SECOND, PER_SECOND_MIN, PER_SECOND_MAX = 10.0, 0.1, 200.0
KEPT = 10_000
PAGE_MAX = 1_000
"""How many published events one answer holds."""
STOPS_UNASKED_S = 60.0
"""The feed stops by itself when nobody has asked for this long what it published."""
_TICK_S = 0.05
_EVENTS_A_CALL_MAX = 100
_CALLS_PENDING_MAX = 50
"""With so many calls unanswered the feed waits: a service that was down shall find no flood then."""


class Feed:
    """Publishes while it runs; `stops_unasked_s` is another in tests."""

    def __init__(
        self,
        applied: AppliedStack,
        publisher: EventPublisher,
        *,
        stops_unasked_s: float = STOPS_UNASKED_S,
    ) -> None:
        self._applied, self._publisher, self._stops_unasked_s = applied, publisher, stops_unasked_s
        self._deals = itertools.cycle(json.loads(line) for line in DEALS.read_text().splitlines())
        self._per_second = PER_SECOND
        self._published: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._last_number = self._pending = 0
        self._asked_at = 0.0
        self._run = uuid.uuid4().hex[:8]
        self._event_numbers = itertools.count(1)
        self._running: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    def calls(self) -> ControlCalls:
        """Return the calls by method and path."""
        return {
            "GET feed": lambda _: self._describe(),
            "POST feed": self._set,
            "POST feed/hostile": self._publish_hostile,
            "GET feed/published": self._list_published,
        }

    def close(self) -> None:
        """Stop publishing."""
        for task in (self._running, *self._calls):
            if task is not None:
                task.cancel()
        self._publisher.close()

    @property
    def _is_running(self) -> bool:
        return self._running is not None and not self._running.done()

    def _describe(self) -> dict[str, Any]:
        return {
            "running": self._is_running,
            "per_second": self._per_second,
            "published": self._last_number,
            "pending": self._pending,
        }

    async def _set(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(body) - {"running", "per_second"}:
            raise BadCall(f"{min(unknown)}: unknown; the feed has running and per_second")
        wanted = read_flag(body, "running", default=self._is_running)
        per_second = read_number(body, "per_second", self._per_second, PER_SECOND_MIN, PER_SECOND_MAX)
        stack = await self._applied.run(lambda found: found) if wanted else None

        was_running = self._is_running
        if was_running and (not wanted or per_second != self._per_second):
            self._stop()
        self._per_second = per_second
        if stack is not None and not self._is_running:
            if not was_running:
                self._asked_at = _now()
            self._running = asyncio.create_task(self._publish_at_rate(stack, per_second))
        return self._describe()

    def _stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            self._running = None

    async def _publish_hostile(self, _: dict[str, Any]) -> dict[str, Any]:
        stack = await self._applied.run(lambda found: found)
        events = [self._identify(event) for event in build_hostile_deals()]
        accepted = await self._publish(stack, events)
        refused = [event["eventId"] for event, is_ok in zip(events, accepted, strict=True) if not is_ok]
        if refused:
            raise Unavailable(f"feed: of {len(events)} hostile deals were not accepted: {refused}")
        return {"event_ids": [event["eventId"] for event in events]}

    def _list_published(self, query: Mapping[str, str]) -> dict[str, Any]:
        text = query.get("after", "0")
        after = parse_digits(text)
        if after is None:
            raise BadCall(f"after: {text!r:.100}; give the `last` of an earlier answer, or 0")
        self._asked_at = _now()
        newer = (entry for entry in self._published if entry["number"] > after)
        events = list(itertools.islice(newer, PAGE_MAX))
        return {"events": events, "last": self._last_number, "at_ms": now_ms()}

    async def _publish_at_rate(self, stack: Stack, per_second: float) -> None:
        """Publish until nobody has asked for a while, in calls of several events where the rate is high."""
        begun, number = _now(), 0
        while _now() - self._asked_at < self._stops_unasked_s:
            due = int((_now() - begun) * per_second) + 1 - number
            if due > 0 and len(self._calls) < _CALLS_PENDING_MAX:
                events = [self._identify(next(self._deals)) for _ in range(min(due, _EVENTS_A_CALL_MAX))]
                self._start(self._publish(stack, events))
            number += max(due, 0)
            await asyncio.sleep(max(_TICK_S, begun + number / per_second - _now()))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def _identify(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new event with an id of its own."""
        return {**copy.deepcopy(dict(event)), "eventId": f"feed-{self._run}-{next(self._event_numbers):06d}"}

    async def _publish(self, stack: Stack, events: Sequence[dict[str, Any]]) -> list[bool]:
        """Publish events, and note what became of them; return of each whether it was accepted."""
        at = now_ms()
        for event in events:
            event["data"]["publishedAt"] = at

        self._pending += len(events)
        try:
            accepted = await self._publisher.publish(stack, events)
        finally:
            self._pending -= len(events)

        # Listed only now, when it is known what became of them: a page counts by this list.
        for event, is_accepted in zip(events, accepted, strict=True):
            self._last_number += 1
            filters = {"filters": event["filters"]} if "filters" in event else {}
            self._published.append(
                {
                    "number": self._last_number,
                    "event_id": event["eventId"],
                    "topic": event["topic"],
                    **filters,
                    "data": event["data"],
                    "published_at_ms": at,
                    "accepted": is_accepted,
                }
            )
        return accepted


def _now() -> float:
    return asyncio.get_running_loop().time()
