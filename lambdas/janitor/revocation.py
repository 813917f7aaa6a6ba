"""Closing the connections that live by a token that was taken back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtime_core.domain.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.errors import StoreUnavailable
from realtime_core.logs import get_logger
from realtime_core.pushing import remove_connections

if TYPE_CHECKING:
    from janitor.run_report import Tally
    from realtime_core.domain.revocations import Revocation
    from realtime_core.ports import Connections, Poster, Revocations, Subscriptions

log = get_logger(__name__)

LOOK_BACK_SECONDS = CONNECTION_LIFETIME_SECONDS + 120
"""No connection is older than two hours, so an older revocation has none left that was opened before it. What
was missed in between, by an outage or a janitor that was switched off, is made up for."""
SETTLED_AFTER_SECONDS = 60
"""A revocation is looked at once more after this: a connect that was under way when it was said had passed
the authorizer before, and its record is found a moment later."""


@dataclass(slots=True, kw_only=True)
class Revoker:
    """Closes what recent revocations cover. A process remembers which of them need no further look."""

    revocations: Revocations
    connections: Connections
    subscriptions: Subscriptions
    poster: Poster
    clock: Callable[[], float] = time.time
    _settled: set[Revocation] = field(default_factory=set)

    def run(self, tally: Tally) -> None:
        """Close the connections of every revocation that may have some. A fault is counted, not raised."""
        now = int(self.clock())
        try:
            recent = self.revocations.recent(now - LOOK_BACK_SECONDS)
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="revoke")
            tally.failures += 1
            return
        for revocation in recent:
            if revocation in self._settled:
                continue
            try:
                tally.revoked += self._close(revocation)
            except StoreUnavailable:
                log.exception("upkeep_failed", duty="revoke", userId=revocation.user_id)
                tally.failures += 1
                continue
            if revocation.revoked_at < now - SETTLED_AFTER_SECONDS:
                self._settled.add(revocation)
        self._settled.intersection_update(recent)

    def _close(self, revocation: Revocation) -> int:
        """Close what a revocation covers, by the records as they are now; how many there were."""
        found = self.connections.of_user(revocation.user_id)
        records = [self.connections.get(one.connection_id) for one in found]
        covered = [
            one.connection_id
            for one in records
            if one is not None and revocation.covers(one.user_id, one.token_id, one.issued_at)
        ]
        if not covered:
            return 0
        self.poster.close(covered)
        log.info("connections_revoked", userId=revocation.user_id, count=len(covered))
        return remove_connections(covered, self.connections, self.subscriptions)
