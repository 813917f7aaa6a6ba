"""Ends a connection's subscription for an operator, and tells its client.

    {"task": "endSubscription", "connectionId": "Kx2vTfVroAMCJlg=", "topic": "travel.flights"}

Here, because operators may not post to connections: one who may could pose as the service.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from realtime_core.errors import ConnectionUnknown
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.fields import Field, read_fields, reject, text
from realtime_core.wire.frames import frame
from realtime_core.wire.topics import read_topic

if TYPE_CHECKING:
    from realtime_core.connections.base import Connections
    from realtime_core.push.base import ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

TASK = "endSubscription"
POST_SECONDS = 5.0


def _read_task(value: Any, path: str) -> str:
    if value != TASK:
        reject(path, f"must be {TASK}, or be left out: then the event is one of the schedule")
    return TASK


_FIELDS = (Field("task", _read_task), Field("connectionId", text(128)), Field("topic", read_topic))


def is_ending(event: object) -> bool:
    """Whether an event names a task, as those of the schedule do not. The only task ends a subscription."""
    return isinstance(event, dict) and "task" in event


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Ends subscriptions. `clock` is the time of day in epoch seconds."""

    connections: Connections
    subscriptions: Subscriptions
    poster: ManagementApi
    clock: Callable[[], float] = time.time

    def run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """End the subscription that the event names. Raises ValidationFailed, StoreUnavailable.

        Returns `ended`, whether there was one, and `told`, whether its client has the frame that says so.
        """
        _, connection_id, topic = read_fields(event, _FIELDS)
        record = self.connections.get(connection_id)
        if record is None or topic not in record.subscriptions:
            return {"ended": False, "told": False}

        try:
            self.subscriptions.unsubscribe(connection_id, topic, record=record)
        except ConnectionUnknown:
            return {"ended": False, "told": False}
        told = frame("subscriptionEnded", {"topic": topic, "reason": "operator"}, now=int(self.clock()))
        report = self.poster.post(told, [connection_id], POST_SECONDS)
        log.info("subscription_ended", connectionId=connection_id, userId=record.user_id, topic=topic)
        return {"ended": True, "told": bool(report.delivered)}
