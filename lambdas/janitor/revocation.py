"""Closes the connections whose token was revoked, or whose user was blocked.

The revocations are worked off in the order of their times, and how far is noted after each run. Each is
applied three times, since a single look may come too early: a handshake in progress may have passed the
authorizer before the revocation, and its record appears a moment later; and the clock of the operator may
be behind, so that a revocation appears among those that are done.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from janitor.duties import REMOVE_TOGETHER
from janitor.share import WHOLE, Share
from realtime_core.auth.base import Revocation, RevocationPlace
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.connections.base import may_be_opening
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.push.closing import announce_and_close
from realtime_core.push.removal import remove_records
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from janitor.leases import Leases, Progress
    from janitor.run_report import RunReport
    from realtime_core.auth.base import Revocations
    from realtime_core.connections.base import Connection, Connections
    from realtime_core.push.base import ManagementApi
    from realtime_core.subscriptions.base import Subscriptions
    from realtime_core.wire.closing import ClosingReason

log = get_logger(__name__)

LOOK_BACK_SECONDS = CONNECTION_LIFETIME_SECONDS + 120
"""No connection is older than two hours, so an older revocation covers none. Within this time, the janitor
catches up after an outage or after it was switched off."""
PASSES_SECONDS = (0, 60, 330)
"""How long after its time a revocation is applied, at the earliest. Outside limit: AWS refuses the requests
of a clock that is more than five minutes behind, so after the last pass none can appear."""
AGAIN_MAX = 300
"""Revocations that are remembered because they could not be applied wholly. When more fail, the store or the
API is down, and the work stops where it is."""
TOGETHER, SIDE_BY_SIDE = 100, 4
"""Revocations that are applied together, and such batches at once."""
LEASE_MARGIN_SECONDS = 10


@dataclass(slots=True)
class _Cursor:
    """How far the revocations are worked off: a place for each pass, and what is to be applied again."""

    places: list[RevocationPlace | None]
    again: list[Revocation]

    @classmethod
    def of(cls, progress: Progress) -> _Cursor:
        places: list[RevocationPlace | None] = [
            RevocationPlace(int(progress[f"at{number}"]), str(progress[f"subject{number}"]))
            if f"at{number}" in progress
            else None
            for number in range(len(PASSES_SECONDS))
        ]
        return cls(places, [Revocation(*item) for item in json.loads(str(progress.get("again", "[]")))])

    def noted(self) -> Progress:
        noted: dict[str, int | str] = {"again": json.dumps(self.again)}
        for number, place in enumerate(self.places):
            if place is not None:
                noted |= {f"at{number}": place.revoked_at, f"subject{number}": place.subject}
        return noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoker:
    """Closes what recent revocations cover.

    `clock` is the time of day in epoch seconds; `timer` counts a run's seconds.
    """

    revocations: Revocations
    connections: Connections
    subscriptions: Subscriptions
    poster: ManagementApi
    leases: Leases
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic

    def run(self, seconds: float, holder: str, report: RunReport, share: Share = WHOLE) -> None:
        """Apply the revocations of the share that are due, beginning none after `seconds`.

        Counts a failure in the report instead of raising. `holder` is this run's id.
        """
        now, deadline = int(self.clock()), self.timer() + seconds
        part = f"revoked#{share.number}/{share.of}"
        try:
            lease = self.leases.take(part, holder, now, now + int(seconds) + LEASE_MARGIN_SECONDS)
            if lease is None:
                report.left_to_others += 1
                return
            cursor = _Cursor.of(lease.progress)
            try:
                self._work(cursor, now, deadline, share, report)
            finally:
                self.leases.give_back(lease, cursor.noted())
        except StoreUnavailable:
            log.exception("upkeep_failed", duty="revoke")
            report.failures += 1

    def _work(self, cursor: _Cursor, now: int, deadline: float, share: Share, report: RunReport) -> None:
        since = now - LOOK_BACK_SECONDS
        again, cursor.again = [item for item in cursor.again if item.revoked_at >= since], []
        self._apply_all(again, cursor, now, report)

        # A later pass goes no further than the one before it had come when this run began.
        reached = [now, *(place.revoked_at if place else since - 1 for place in cursor.places)]
        for number, (seconds, until) in enumerate(zip(PASSES_SECONDS, reached, strict=False)):
            pages = self.revocations.recent(since, min(until, now - seconds), cursor.places[number])
            for group in (group for page in pages for group in batches(page, TOGETHER * SIDE_BY_SIDE)):
                if self.timer() >= deadline:
                    report.finished = False
                    return
                of_share = [item for item in group if share.has_user(item.user_id)]
                self._apply_all(of_share, cursor, now, report)
                cursor.places[number] = group[-1].place

    def _apply_all(
        self, revocations: Sequence[Revocation], cursor: _Cursor, now: int, report: RunReport
    ) -> None:
        """Apply revocations in batches side by side, and remember what has to be applied again.

        Raises StoreUnavailable if that is too much to remember.
        """

        def apply(batch: Sequence[Revocation]) -> tuple[int, Sequence[Revocation], int]:
            try:
                return (*self._apply(batch, now), 0)
            except StoreUnavailable:
                log.exception("upkeep_failed", duty="revoke", count=len(batch))
                return 0, batch, 1

        for closed, again, failures in map_concurrently(apply, batches(revocations, TOGETHER), SIDE_BY_SIDE):
            report.revoked += closed
            report.failures += failures
            cursor.again += [item for item in again if item not in cursor.again]
        if len(cursor.again) > AGAIN_MAX:
            del cursor.again[AGAIN_MAX:]
            raise StoreUnavailable("too many revocations could not be applied")

    def _apply(self, batch: Sequence[Revocation], now: int) -> tuple[int, list[Revocation]]:
        """Close what a batch covers. Returns how many were closed, and what to apply again.

        That is what covers a connection which has not opened yet.
        """
        of_user: defaultdict[str, list[Revocation]] = defaultdict(list)
        for revocation in batch:
            of_user[revocation.user_id].append(revocation)
        found = map_concurrently(self.connections.of_user, list(of_user))
        # The index may be stale, so decide by the records themselves: a refresh changes the token.
        ids = dict.fromkeys(connection.connection_id for connections in found for connection in connections)
        covered = [
            record
            for record in self.connections.get_all(list(ids))
            if any(
                item.covers(record.user_id, record.token_id, record.issued_at)
                for item in of_user.get(record.user_id, ())
            )
        ]

        blocked = {user_id for user_id, items in of_user.items() if any(item.blocks for item in items)}
        by_reason: dict[ClosingReason, list[Connection]] = {"revoked": [], "blocked": []}
        for record in covered:
            by_reason["blocked" if record.user_id in blocked else "revoked"].append(record)

        closed, opening = 0, 0
        again: list[Revocation] = []
        for reason, of_reason in by_reason.items():
            for records in batches(of_reason, TOGETHER):
                left = self._close(records, reason, now)
                opening += len(left)
                closed += len(records) - len(left)
                again += [item for record in left for item in of_user[record.user_id]]
        for user_id in {record.user_id for record in by_reason["blocked"]}:
            log.info("blocked_user_closed", userId=user_id)
        if covered:
            log.info("connections_revoked", users=len(of_user), count=closed, opening=opening)
        return closed, again

    def _close(self, records: Sequence[Connection], reason: ClosingReason, now: int) -> list[Connection]:
        """Close and remove connections. Returns those that have not opened yet: they keep their records."""
        ids = [record.connection_id for record in records]
        gone = set(announce_and_close(self.poster, ids, reason, now))
        left = [record for record in records if record.connection_id in gone and may_be_opening(record, now)]
        closed = [record for record in records if record not in left]
        map_concurrently(
            lambda some: remove_records(some, self.connections, self.subscriptions),
            batches(closed, REMOVE_TOGETHER),
        )
        return left
