"""Rebuilds the index from the table while the stream goes on.

State `clearing`: the old index is removed, and changes are not applied, since the table is read later. State
`building`: the table is read page by page, and changes are applied as they arrive. A page may be older than a
change, so a page does not overwrite what a change has updated. State `ready`: readers may use the index.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from index_projector import scripts
from index_projector.index import BATCH_SIZE
from realtime_core.concurrency import batches
from realtime_core.errors import StoreUnavailable
from realtime_core.redis.errors import RedisFault
from realtime_core.subscriptions.redis_keys import (
    CLAIMS,
    FORMAT,
    LEASE,
    MEMBERS,
    META,
    TOPIC,
    TOPICS,
    TOUCHED,
)
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from index_projector.index import Index
    from index_projector.table import Page, Table
    from realtime_core.redis.client import Script

log = get_logger(__name__)

LEASE_MS = 60_000
"""Each step renews the lease. A rebuild that is silent for longer has died, and another may begin."""
SEGMENTS = 4
USED_SHARE_MAX = 0.9
"""If Redis is fuller than this after clearing, it has no room for an index."""
REST = "deals:index:rest"
REST_SECONDS = 600
"""How long to wait after an index that had to be given up: each attempt reads the whole table."""


class RebuildResult(NamedTuple):
    """What a rebuild came to.

    `outcome` is `ready`, `busy` (another rebuild is running), `resting` or `failed`, with the reason.
    """

    outcome: str
    reason: str = ""
    members: int = 0
    groups: int = 0
    seconds: float = 0.0


class _LeaseLost(Exception):
    """Another rebuild has taken over, or the index was flushed."""


class Rebuild:
    """Rebuilds the index. `now` is the time of day in epoch seconds; `timer` counts seconds."""

    def __init__(
        self,
        index: Index,
        table: Table,
        now: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index, self._table, self._now, self._timer = index, table, now, timer

    def run(self, seconds: float, *, force: bool = False) -> RebuildResult:
        """Rebuild the index within this time; with `force`, even if Redis had no room for it a moment ago.

        Raises StoreUnavailable if the table cannot be read or Redis does not answer.
        """
        started = self._timer()
        epoch = os.urandom(9).hex()
        if not force and (reason := self._index.resting(REST)):
            return RebuildResult("resting", reason)
        if not self._index.lease(LEASE, epoch, LEASE_MS):
            return RebuildResult("busy", "another rebuild is running")

        try:
            return self._rebuild(epoch, started, started + seconds)
        except RedisFault as fault:
            if fault.reason != "out_of_memory":
                raise
            self._make_room()
            return RebuildResult("failed", fault.reason)
        except _LeaseLost:
            return RebuildResult("failed", "the index was flushed, or another rebuild took over")
        except StoreUnavailable:
            self._index.abandon(epoch)
            raise

    def run_task(self, seconds: float) -> dict[str, Any]:
        """Rebuild the index in any case. Returns the response of the task `rebuild`."""
        return {"task": "rebuild", **self.run(seconds, force=True)._asdict()}

    def _rebuild(self, epoch: str, started: float, deadline: float) -> RebuildResult:
        begun_at = int(self._now())
        self._step(scripts.BEGIN, (), epoch, self._index.server().identity, FORMAT, begun_at)

        self._clear(epoch)
        if self._index.server().used_share > USED_SHARE_MAX:
            raise RedisFault("out_of_memory", "there is no room for an index")

        self._step(scripts.OPEN, (), epoch)
        members = groups = 0
        with ThreadPoolExecutor(SEGMENTS, thread_name_prefix="build") as pool:
            copies = pool.map(lambda segment: self._copy_segment(epoch, segment, deadline), range(SEGMENTS))
            for segment_members, segment_groups in copies:
                members += segment_members
                groups += segment_groups

        self._step(scripts.FINISH, (TOUCHED, TOPICS), epoch, int(self._now()), begun_at, TOPIC)
        result = RebuildResult("ready", "", members, groups, round(self._timer() - started, 3))
        log.info("index_built", members=members, groups=groups, seconds=result.seconds)
        return result

    def _copy_segment(self, epoch: str, segment: int, deadline: float) -> tuple[int, int]:
        """Copy a segment of the table. Returns how many members and groups it has."""
        members = groups = 0
        for page in self._table.scan(segment, SEGMENTS):
            if self._timer() > deadline:
                raise StoreUnavailable("there was not enough time to read the whole table")
            self._copy_page(epoch, page)
            members += len(page.members)
            groups += len(page.listings)
        return members, groups

    def _copy_page(self, epoch: str, page: Page) -> None:
        self._index.list_groups(page.listings)
        now = self._now()
        current = [(membership, until) for membership, until in page.members.items() if until > now]
        for batch in batches(current, BATCH_SIZE):
            keys = [membership.key for membership, _ in batch]
            values = [value for membership, until in batch for value in (membership.connection_id, until)]
            self._step(scripts.FILL, (TOUCHED, *keys), epoch, *values)

    def _clear(self, epoch: str) -> None:
        self._step(scripts.CLEAR, (CLAIMS, TOUCHED, TOPICS), epoch)
        for prefix in (MEMBERS, TOPIC):
            for keys in self._index.keys(f"{prefix}*"):
                for batch in batches(keys, BATCH_SIZE):
                    self._step(scripts.CLEAR, batch, epoch)

    def _make_room(self) -> None:
        """Remove a part of an index: what else is in Redis needs the room more."""
        log.error("index_too_large", restSeconds=REST_SECONDS)
        self._index.abandon()
        for prefix in (MEMBERS, TOPIC, CLAIMS, TOUCHED):
            for keys in self._index.keys(f"{prefix}*"):
                self._index.unlink(keys)
        self._index.rest(REST, "out_of_memory", REST_SECONDS)

    def _step(self, script: Script, keys: Sequence[str], epoch: str, *arguments: str | int) -> None:
        if self._index.run(script, [META, LEASE, *keys], [epoch, LEASE_MS, *arguments]) == -1:
            raise _LeaseLost
