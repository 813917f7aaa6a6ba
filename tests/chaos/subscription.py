"""One subscription as a client keeps it: the number that it remembers, and the events that it has handled.

The rules are the wire protocol's, "Resume".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.chaos.session import Unanswered

if TYPE_CHECKING:
    from tests.chaos.session import Frame, Session


class Refused(Exception):
    """An action was answered with an error; `code` and `details` are its own."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.details: Any = error.get("details")


class Subscription:
    """A subscription to one topic with one filter, through any number of connections."""

    def __init__(self, topic: str, filters: dict[str, Any]) -> None:
        self.topic, self.filters = topic, filters
        self.number: int | None = None
        """The highest position that was handled, or that of the last reply; None before the first."""
        self.handled: dict[str, float] = {}
        """The monotonic time of the first arrival, by event id: repeats are dropped."""
        self.repeats = 0
        self.replayed = 0
        self.gaps: list[str] = []
        """What was answered with `recovered: false`."""
        self._is_replaying = False

    def take(self, event: Frame) -> None:
        """Handle an event that arrived live."""
        self._handle(event)
        if not self._is_replaying and self.number is not None:
            self.number = max(self.number, event["position"])

    async def resume(self, session: Session) -> None:
        """Subscribe and, after the first time, replay what was missed. Raises Unanswered or Refused.

        Until the replay has ended, live events do not raise the number. If it does not end, the next
        attempt goes on from the last page.
        """
        self._is_replaying = True
        while await self._read_page(session):
            pass
        self._is_replaying = False

    async def _read_page(self, session: Session) -> bool:
        """Subscribe from the number; return whether there is more to replay."""
        since = {} if self.number is None else {"since": self.number}
        reply = await session.ask("subscribeToDeals", {"topic": self.topic, "filters": self.filters, **since})
        if reply["type"] == "error":
            raise Refused(reply["data"])
        if reply["type"] != "subscriptionConfirmed":
            raise Unanswered(f"another reply: {reply}")

        confirmed = reply["data"]
        if confirmed.get("recovered") is False:
            self.gaps.append(f"{self.topic}: since {self.number}, now {confirmed['position']}")
        for event in confirmed.get("events", []):
            self.replayed += event["eventId"] not in self.handled
            self._handle(event)
        self.number = confirmed["position"]
        return bool(confirmed.get("more"))

    def _handle(self, event: Frame) -> None:
        if event["eventId"] in self.handled:
            self.repeats += 1
        else:
            self.handled[event["eventId"]] = time.monotonic()
