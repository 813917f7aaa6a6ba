"""Finds room for a connection of a user who has the maximum.

A phone that loses its network again and again leaves connections behind whose `$disconnect` is late or lost.
They would count until a probe finds them, and lock their user out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.connections.base import is_opening
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import CLOSE_AFTER_SECONDS
from realtime_core.push.closing import announce_and_close
from realtime_core.push.removal import remove_connections
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtime_core.connections.base import Connections, Recipient
    from realtime_core.push.base import ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

PROBES_MAX = 50
"""The oldest that are asked for at a handshake: each takes a request of the account's."""
PROBE_SECONDS = 2.0
FULL_SECONDS = 10
"""How long a user whose connections are all there is refused without asking again: a client that tries again
and again would spend as many requests each time."""
FULL_MAX = 1_000
"""How many such users a process remembers."""


class Room:
    """Removes what is gone of a user's connections, and closes the oldest where that is allowed."""

    def __init__(
        self,
        connections: Connections,
        subscriptions: Subscriptions,
        management_api: ManagementApi,
        *,
        replace_oldest: bool,
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._management_api = management_api
        self._replace_oldest = replace_oldest
        self._full_until: dict[str, int] = {}

    def make(self, user_id: str, now: int, maximum: int) -> bool:
        """Whether there is room for one more, after what is gone was removed or the oldest were closed."""
        if self._full_until.get(user_id, 0) > now:
            return False

        there = self._without_gone(user_id, now)
        if len(there) < maximum:
            return True
        if self._replace_oldest:
            return self._close(there[: len(there) - maximum + 1], now)
        self._remember(user_id, now)
        return False

    def _without_gone(self, user_id: str, now: int) -> list[Recipient]:
        """The user's connections, oldest first, without those that API Gateway no longer has."""
        ended_at = now - CLOSE_AFTER_SECONDS
        found = sorted(
            (item for item in self._connections.of_user(user_id) if item.token_exp > ended_at),
            key=lambda item: item.connected_at,
        )
        # One in its handshake answers as one that is gone.
        asked = [item.connection_id for item in found if not is_opening(item.connected_at, now)]
        gone = set(self._management_api.probe(asked[:PROBES_MAX], PROBE_SECONDS).gone)
        if gone:
            self._remove(gone)
            log.info("gone_connections_removed", userId=user_id, count=len(gone))
        return [item for item in found if item.connection_id not in gone]

    def _close(self, oldest: list[Recipient], now: int) -> bool:
        """Close connections to make room. Returns whether that succeeded."""
        ids = [item.connection_id for item in oldest]
        try:
            announce_and_close(self._management_api, ids, "replaced", now)
        except StoreUnavailable:
            log.exception("oldest_connection_not_closed", count=len(ids))
            return False
        self._remove(ids)
        log.info("oldest_connection_replaced", count=len(ids))
        return True

    def _remove(self, connection_ids: Iterable[str]) -> None:
        try:
            remove_connections(connection_ids, self._connections, self._subscriptions)
        except StoreUnavailable:
            # They are gone all the same: the janitor finds the records that are left.
            log.exception("gone_connections_not_removed")

    def _remember(self, user_id: str, now: int) -> None:
        if len(self._full_until) >= FULL_MAX:
            self._full_until.clear()
        self._full_until[user_id] = now + FULL_SECONDS
