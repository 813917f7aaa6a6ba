"""From changes to the index.

A record of the stream says that something changed, not what is true now: records come late, again, and those
of two items in any order. So whatever a record names is read from the table, and the index set to that. Who
reads says so first (a claim), and whose claim was taken over by another reads again. So what is written last
was read last, and nothing that was ended comes back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from realtime_core.errors import StoreUnavailable
from realtime_core.redis.errors import RedisFault
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from index_projector.index import Index
    from index_projector.membership import Listing, Membership
    from index_projector.table import Table
    from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingChange

log = get_logger(__name__)

ATTEMPTS = 20
WRITERS = 8


class Changes(NamedTuple):
    """What a batch of records names."""

    memberships: Iterable[Membership] = ()
    listed: Iterable[Listing] = ()
    unlisted: Iterable[Listing] = ()
    pending: Iterable[PendingChange] = ()
    """What may be deleted once the memberships are up to date."""


class Projector:
    """Applies changes. Raises StoreUnavailable where not all could be; then they can be applied again."""

    def __init__(
        self,
        index: Index,
        table: Table,
        pending: DynamoPendingChanges,
        claim: Callable[[], str] = lambda: os.urandom(9).hex(),
    ) -> None:
        self._index, self._table, self._pending, self._claim = index, table, pending, claim

    def apply(self, changes: Changes) -> None:
        """Bring the index up to date with what changed, and say so."""
        try:
            self.refresh(changes.memberships)
            self._index.list_groups(changes.listed)
            ended: dict[str, dict[str, int]] = {}
            for one in changes.unlisted:
                ended.setdefault(one.topic, {})[one.group_id] = one.expires_at
            for topic, groups in ended.items():
                self._index.unlist_groups(topic, groups)
        except RedisFault as fault:
            if fault.reason == "out_of_memory":
                self.give_up("out_of_memory")
            raise
        self.settle(changes.pending)

    def refresh(self, memberships: Iterable[Membership]) -> None:
        """Set memberships to what the table says.

        Where there is no index, or it is about to be built, that is done with: a building reads the table
        later than this.
        """
        waiting = list(dict.fromkeys(memberships))
        for _ in range(ATTEMPTS):
            if not waiting:
                return
            claim = self._claim()
            if not self._index.claim(waiting, claim):
                return
            waiting = self._index.settle(claim, self._table.truth(waiting))
        if waiting:
            raise StoreUnavailable(f"{len(waiting)} memberships kept being claimed by others")

    def settle(self, pending: Iterable[PendingChange]) -> None:
        """Delete what is pending no more, unless it was replaced meanwhile."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        # Of several changes of one connection and topic only the last is still there.
        last = {(one.connection_id, one.topic): one for one in pending}
        if not last:
            return
        with ThreadPoolExecutor(min(WRITERS, len(last)), thread_name_prefix="pending") as pool:
            list(
                pool.map(
                    lambda one: self._pending.delete(one.connection_id, one.topic, one.token), last.values()
                )
            )

    def give_up(self, reason: str) -> None:
        """Let nobody believe the index any more: it cannot be kept. Tending builds it anew."""
        log.error("index_abandoned", reason=reason)
        self._index.abandon()
