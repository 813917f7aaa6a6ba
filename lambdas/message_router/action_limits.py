"""Rate limits of the actions. A ping is not limited: it calls no store, so nothing counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import LIMITER_FAILURES
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from message_router.limits import Limit, Limiter

log = get_logger(__name__)


class ActionLimits:
    """Limits each user's actions, over all connections of the user."""

    def __init__(self, limiter: Limiter, *, send_message: Limit, subscriptions: Limit, others: Limit) -> None:
        self._limiter = limiter
        self._send_message = send_message
        self._subscriptions = subscriptions
        self._others = others

    def take(self, action: str, user_id: str, now: float) -> None:
        """Count an action, by its name. Raises RateLimited. An action that cannot be counted is allowed."""
        match action:
            case "ping":
                return
            case "sendMessage":
                name, limit = "sendMessage", self._send_message
            case "subscribeToDeals" | "unsubscribeFromDeals":
                name, limit = "subscriptions", self._subscriptions
            case _:
                name, limit = "others", self._others

        try:
            self._limiter.take(f"{user_id}#{name}", limit, now)
        except StoreUnavailable as error:
            # Limits protect the service from a few users; its own fault must not shut out all of them.
            log.warning("limiter_unavailable", reason=str(error))
            add(LIMITER_FAILURES, 1)
