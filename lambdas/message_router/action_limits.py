"""Rate limits of the actions. A ping is not limited: it calls no store, so nothing counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from message_router.limits import Limit
from realtime_core.errors import RateLimited, StoreUnavailable, SubscriptionFailed
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import LIMITER_FAILURES
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Collection

    from message_router.limits import Limiter

log = get_logger(__name__)

SUBSCRIPTIONS = Limit(2, 60)
"""Of one user: the 50 subscriptions of a connection are renewed at once, with some left for another's."""

GET_EVENTS = Limit(5, 60)
"""Of one user: the pages of a replay, each of up to 57 reads, the second of 50 subscriptions at once."""

NEW_FILTERS = Limit(0.01, 100)
"""Of one user: ten who do nothing else list 2,070 filters in the three hours that a group is listed."""

PRESENCE = Limit(1, 10)
"""Of one user: each may read the index for fifty users."""

PERMITTED_BY_CONTEXT = {"sendMessage": "recipients", "getPresence": "recipients", "getEvents": "topics"}
"""Actions that need a permission, and read no record that has it; with the kind of permission."""


class ActionLimits:
    """Limits each user's actions, over all connections of the user."""

    def __init__(
        self,
        limiter: Limiter,
        *,
        send_message: Limit,
        subscriptions: Limit,
        get_events: Limit,
        others: Limit,
        presence: Limit = PRESENCE,
        new_filters: Limit = NEW_FILTERS,
    ) -> None:
        self._limiter = limiter
        self._new_filters = new_filters
        self._send_message = send_message
        self._subscriptions = subscriptions
        self._get_events = get_events
        self._others = others
        self._presence = presence

    def check(self, action: str, user_id: str, now: float) -> None:
        """Raise RateLimited if it is known without a call that the action has exceeded its limit."""
        if action != "ping":
            name, limit = self._bucket_of(action)
            self._limiter.check(f"{user_id}#{name}", limit, now)

    def take(self, action: str, user_id: str, now: float) -> bool:
        """Count an action, by its name. Raises RateLimited. An action that cannot be counted is allowed.

        Returns whether a refresh may have changed the user's permissions since a connection was made.
        """
        if action == "ping":
            return False
        name, limit = self._bucket_of(action)
        return self._take(f"{user_id}#{name}", limit, now)

    def mark_refreshed(self, user_id: str, until: int, changed: Collection[str]) -> None:
        """Note that a refresh changed these kinds of permissions. Raises StoreUnavailable.

        The context of a connection keeps those of its handshake. A read for each message would tell, too; a
        mark where each is counted costs nothing. `until` is when no context from before is good any more.
        """
        for action in [action for action, kind in PERMITTED_BY_CONTEXT.items() if kind in changed]:
            self._limiter.mark(f"{user_id}#{self._bucket_of(action)[0]}", until)

    def _bucket_of(self, action: str) -> tuple[str, Limit]:
        match action:
            case "sendMessage":
                return "sendMessage", self._send_message
            case "subscribeToDeals" | "unsubscribeFromDeals":
                return "subscriptions", self._subscriptions
            case "getPresence":
                return "presence", self._presence
            case "getEvents":
                return "getEvents", self._get_events
            case _:
                return "others", self._others

    def take_new_filter(self, user_id: str, now: float) -> None:
        """Count a filter that no subscription of its topic has yet. Raises SubscriptionFailed.

        A bucket of its own: each such filter takes memory wherever events are matched, for hours.
        """
        try:
            self._take(f"{user_id}#newFilters", self._new_filters, now)
        except RateLimited as limited:
            raise SubscriptionFailed(
                "You have subscribed with too many new filters; try again later, or use one that is in use",
                {"reason": "too_many_new_filters", "retryAfterMs": limited.retry_after_ms},
            ) from limited

    def _take(self, bucket: str, limit: Limit, now: float) -> bool:
        """Take a token. Returns whether the bucket is marked, or may be."""
        try:
            return self._limiter.take(bucket, limit, now) > now
        except StoreUnavailable as error:
            # Limits protect the service from a few users; its own fault must not shut out all of them.
            log.warning("limiter_unavailable", reason=str(error))
            add(LIMITER_FAILURES, 1)
            return True
