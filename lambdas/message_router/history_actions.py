"""Performs what reads the history: the replay and the first picture of a subscription, and `getEvents`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from message_router.look_back import look_back
from message_router.message_actions import PUSH_BUDGET_SECONDS
from message_router.resume import resume
from realtime_core.auth.permissions import check_topic_permitted
from realtime_core.push.base import DeliveryJob
from realtime_core.telemetry.metric_catalog import RECENT_READS, RESUME_GAPS, RESUMES
from realtime_core.telemetry.metrics import add
from realtime_core.wire.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

    from message_router.caller import Caller, Reply
    from message_router.requests import GetEvents
    from realtime_core.filters.filters import Filter
    from realtime_core.history.base import History
    from realtime_core.push.pusher import Pusher


class HistoryActions:
    """Performs them on ports; `now` returns epoch seconds."""

    def __init__(self, history: History, pusher: Pusher, now: Callable[[], float]) -> None:
        self._history = history
        self._pusher = pusher
        self._now = now

    def get_events(self, action: GetEvents, caller: Caller) -> Reply:
        """Read a page of events after a position, or the newest; changes nothing. Raises Forbidden."""
        check_topic_permitted(caller.permissions, action.topic)
        data = self.read(action.topic, action.filter, action.since, action.recent, caller)
        # Nothing is missing of what a look back was asked for.
        return "events", {"topic": action.topic, "recovered": True, **data}

    def read(
        self, topic: str, wanted: Filter, since: int | None, recent: int | None, caller: Caller
    ) -> dict[str, Any]:
        """Return the events after `since`, or up to `recent` of the newest, as fields of a reply.

        With both it is the replay, and where that is not whole the newest.
        """
        if since is None:
            assert recent is not None, "a client names one of them"  # noqa: S101
            return self._look_back(topic, wanted, recent, caller)

        now = int(self._now())
        resumed = resume(self._history, since, topic, wanted, now, whole_only=recent is not None)
        add(RESUMES, 1)
        if not resumed.recovered:
            add(RESUME_GAPS, 1)
            if recent is not None:
                return {**self._look_back(topic, wanted, recent, caller), "recovered": False}
        self._push(resumed.oversized, caller)
        data = {"position": resumed.position, "recovered": resumed.recovered, "events": resumed.events}
        return {**data, "more": True} if resumed.more else data

    def _look_back(self, topic: str, wanted: Filter, recent: int, caller: Caller) -> dict[str, Any]:
        found = look_back(self._history, recent, topic, wanted, int(self._now()))
        add(RECENT_READS, 1)
        self._push(found.oversized, caller)
        return {"position": found.position, "events": found.events}

    def _push(self, events: list[dict[str, Any]], caller: Caller) -> None:
        """Send events that do not fit the reply to the caller's connection, a frame each."""
        for event in events:
            ends = event.get("expiresAt")
            job = DeliveryJob(
                dumps(event),
                (caller.connection_id,),
                "deal",
                event["eventId"],
                int(self._now() * 1000),
                correlation_id=caller.correlation_id,
                frames_end=() if ends is None else (ends,),
            )
            self._pusher.push(job, PUSH_BUDGET_SECONDS)
