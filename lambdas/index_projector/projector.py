"""Applies changes of the table to the index.

A record of the stream says that something changed, not what is true now: records arrive late, repeatedly, and
those of two items in any order. So the projector reads from the table whatever a record names, and sets the
index to that. It claims a membership before it reads it, and reads again whatever another invocation has
claimed since. So what is written last was read last, and a membership that ended does not come back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from index_projector.rebuild import REST, REST_SECONDS
from realtime_core.errors import StoreUnavailable
from realtime_core.redis.errors import RedisFault
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import INDEX_FAILURES
from realtime_core.telemetry.metrics import add

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
    """Pending changes to delete once the memberships are up to date."""
    unreported: int = 0
    """New memberships whose writer does not report its changes as pending."""


class Projector:
    """Applies changes. Raises StoreUnavailable if some were not applied; all can then be applied again."""

    def __init__(
        self,
        index: Index,
        table: Table,
        pending: DynamoPendingChanges,
        new_claim: Callable[[], str] = lambda: os.urandom(9).hex(),
    ) -> None:
        self._index, self._table, self._pending, self._new_claim = index, table, pending, new_claim

    def apply(self, changes: Changes) -> None:
        """Update the index, then delete the pending changes that it has now."""
        try:
            self.refresh(changes.memberships)
            self._index.list_groups(changes.listed)
            ended: dict[str, dict[str, int]] = {}
            for listing in changes.unlisted:
                ended.setdefault(listing.topic, {})[listing.group_id] = listing.expires_at
            for topic, groups in ended.items():
                self._index.unlist_groups(topic, groups)
        except RedisFault as fault:
            if fault.reason == "out_of_memory":
                self._abandon_index("out_of_memory")
            raise
        if changes.unreported:
            self._give_up(changes.unreported)
        self._delete_pending(changes.pending)

    def _give_up(self, unreported: int) -> None:
        """Take the index out of use while somebody subscribes clients without reporting it.

        An earlier release of message_router, or one without INDEX_ENABLED: readers would take the index for
        complete before the stream has brought such a member, and an event would miss it.
        """
        log.error(
            "changes_not_reported",
            memberships=unreported,
            restSeconds=REST_SECONDS,
            remedy="release message_router as it was, with INDEX_ENABLED",
        )
        add(INDEX_FAILURES, 1)
        self._index.abandon()
        self._index.rest(REST, "not_reported", REST_SECONDS)

    def refresh(self, memberships: Iterable[Membership]) -> None:
        """Set memberships to what the table says.

        Does nothing if there is no index, or it is about to be rebuilt: the rebuild reads the table later.
        """
        waiting = list(dict.fromkeys(memberships))
        for _ in range(ATTEMPTS):
            if not waiting:
                return
            claim = self._new_claim()
            if not self._index.claim(waiting, claim):
                return
            waiting = self._index.settle(claim, self._table.read_memberships(waiting))
        if waiting:
            raise StoreUnavailable(f"{len(waiting)} memberships kept being claimed by others")

    def _delete_pending(self, pending: Iterable[PendingChange]) -> None:
        """Delete pending changes, except those that were replaced in the meantime."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        # Of several changes to one connection and topic, the table has only the last.
        last = {(change.connection_id, change.topic): change for change in pending}
        if not last:
            return
        with ThreadPoolExecutor(min(WRITERS, len(last)), thread_name_prefix="pending") as pool:
            list(
                pool.map(
                    lambda change: self._pending.delete(change.connection_id, change.topic, change.token),
                    last.values(),
                )
            )

    def _abandon_index(self, reason: str) -> None:
        """Take an index out of use that cannot be kept up to date; maintenance rebuilds it."""
        log.error("index_abandoned", reason=reason)
        self._index.abandon()
