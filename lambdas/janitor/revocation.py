"""Closes the connections whose token was revoked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime_core.connections.base import may_be_opening
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.push.pusher import remove_connections
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from janitor.run_report import RunReport
    from realtime_core.auth.base import Revocation, Revocations
    from realtime_core.connections.base import Connections
    from realtime_core.push.base import ManagementApi
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

LOOK_BACK_SECONDS = CONNECTION_LIFETIME_SECONDS + 120
"""No connection is older than two hours, so an older revocation covers none. Within this time, the janitor
catches up after an outage or after it was switched off."""
SETTLED_AFTER_SECONDS = 60
"""After this, a revocation is applied once more: a handshake in progress may have passed the authorizer
before the revocation, and its record appears a moment later."""


@dataclass(slots=True, kw_only=True)
class Revoker:
    """Closes what recent revocations cover. A process remembers which of them are settled.

    `clock` is the time of day in epoch seconds.
    """

    revocations: Revocations
    connections: Connections
    subscriptions: Subscriptions
    poster: ManagementApi
    clock: Callable[[], float] = time.time
    _settled: set[Revocation] = field(default_factory=set)

    def run(self, report: RunReport) -> None:
        """Close what every recent revocation covers. Counts a failure in the report instead of raising."""
        now = int(self.clock())
        try:
            recent = self.revocations.recent(now - LOOK_BACK_SECONDS)
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="revoke")
            report.failures += 1
            return

        for revocation in recent:
            if revocation in self._settled:
                continue
            try:
                closed, left = self._close(revocation, now)
            except StoreUnavailable:
                log.exception("upkeep_failed", duty="revoke", userId=revocation.user_id)
                report.failures += 1
                continue
            report.revoked += closed
            if revocation.revoked_at < now - SETTLED_AFTER_SECONDS and not left:
                self._settled.add(revocation)
        self._settled.intersection_update(recent)

    def _close(self, revocation: Revocation, now: int) -> tuple[int, int]:
        """Close what a revocation covers. Returns how many were closed, and how many have not opened yet."""
        of_user = self.connections.of_user(revocation.user_id)
        # The index may be stale, so decide by the records themselves: a refresh changes the token.
        records = [self.connections.get(connection.connection_id) for connection in of_user]
        covered = [
            record
            for record in records
            if record is not None and revocation.covers(record.user_id, record.token_id, record.issued_at)
        ]
        if not covered:
            return 0, 0

        gone = self.poster.close([record.connection_id for record in covered])
        left = {
            record.connection_id
            for record in covered
            if record.connection_id in gone and may_be_opening(record, now)
        }
        ended = [record.connection_id for record in covered if record.connection_id not in left]
        log.info("connections_revoked", userId=revocation.user_id, count=len(ended), opening=len(left))
        return remove_connections(ended, self.connections, self.subscriptions), len(left)
