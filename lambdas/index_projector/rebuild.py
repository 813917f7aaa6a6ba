"""Building the index anew, while the stream goes on.

State `clearing`: what was there goes, and changes are not applied; the table is read later. State `building`:
the table is read page by page, and changes are applied as they come. A page may be older than a change, so
what a change has brought up to date a page leaves alone. State `ready`: readers believe it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from index_projector import scripts
from index_projector.index import PORTION, portions
from realtime_core.adapters.redis_errors import RedisFault
from realtime_core.adapters.redis_layout import (
    CLAIMS,
    FORMAT,
    LEASE,
    MEMBERS,
    META,
    TOPIC,
    TOPICS,
    TOUCHED,
)
from realtime_core.errors import StoreUnavailable
from realtime_core.logs import get_logger

if TYPE_CHECKING:
    from index_projector.index import Index
    from index_projector.table import Page, Table
    from realtime_core.adapters.redis_client import Script

log = get_logger(__name__)

LEASE_MS = 60_000
"""Renewed with each step. Who is silent for so long has died, and another may begin."""
SEGMENTS = 4
USED_SHARE_MAX = 0.9
"""Fuller than this after clearing, Redis has no room for an index."""
REST = "deals:index:rest"
REST_SECONDS = 600
"""Where the index had no room, this long before it is tried again: each try reads the whole table."""


class Built(NamedTuple):
    """What a building came to: `ready`, `busy` (another is at it), `resting` or `failed`, with the reason."""

    outcome: str
    reason: str = ""
    members: int = 0
    groups: int = 0
    seconds: float = 0.0


class _Lost(Exception):
    """Somebody else has taken over, or the index was flushed."""


class Builder:
    """Builds the index. `now` is the time of day, `timer` counts seconds."""

    def __init__(
        self,
        index: Index,
        table: Table,
        now: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index, self._table, self._now, self._timer = index, table, now, timer

    def build(self, seconds: float, *, anyway: bool = False) -> Built:
        """Build the index within a time; `anyway` also where there was no room a moment ago.

        Raises StoreUnavailable where the table cannot be read or Redis does not answer.
        """
        started = self._timer()
        epoch = os.urandom(9).hex()
        if not anyway and self._index.resting(REST):
            return Built("resting", "Redis had no room for the index")
        if not self._index.lease(LEASE, epoch, LEASE_MS):
            return Built("busy", "another building is under way")
        try:
            return self._build(epoch, started, started + seconds)
        except RedisFault as fault:
            if fault.reason != "out_of_memory":
                raise
            self._make_room()
            return Built("failed", fault.reason)
        except _Lost:
            return Built("failed", "the index was flushed, or somebody else took over")
        except StoreUnavailable:
            self._index.abandon(epoch)
            raise

    def rebuilt(self, seconds: float) -> dict[str, Any]:
        """Build the index anew whatever is there, as a task; its answer."""
        return {"task": "rebuild", **self.build(seconds, anyway=True)._asdict()}

    def _build(self, epoch: str, started: float, deadline: float) -> Built:
        begun_at = int(self._now())
        self._step(scripts.BEGIN, (), epoch, self._index.server().identity, FORMAT, begun_at)
        self._clear(epoch)
        if self._index.server().used_share > USED_SHARE_MAX:
            raise RedisFault("out_of_memory", "there is no room for an index")
        self._step(scripts.OPEN, (), epoch)
        members = groups = 0
        with ThreadPoolExecutor(SEGMENTS, thread_name_prefix="build") as pool:
            for filled in pool.map(lambda one: self._segment(epoch, one, deadline), range(SEGMENTS)):
                members += filled[0]
                groups += filled[1]
        self._step(scripts.FINISH, (TOUCHED, TOPICS), epoch, int(self._now()), begun_at, TOPIC)
        built = Built("ready", "", members, groups, round(self._timer() - started, 3))
        log.info("index_built", members=members, groups=groups, seconds=built.seconds)
        return built

    def _segment(self, epoch: str, segment: int, deadline: float) -> tuple[int, int]:
        """Copy a segment of the table; how many members and groups."""
        members = groups = 0
        for page in self._table.scan(segment, SEGMENTS):
            if self._timer() > deadline:
                raise StoreUnavailable("there was not enough time to read the whole table")
            self._fill(epoch, page)
            members += len(page.members)
            groups += len(page.listings)
        return members, groups

    def _fill(self, epoch: str, page: Page) -> None:
        self._index.list_groups(page.listings)
        now = self._now()
        there = [(one, until) for one, until in page.members.items() if until > now]
        for portion in portions(there, PORTION):
            values = [value for one, until in portion for value in (one.connection_id, until)]
            self._step(scripts.FILL, (TOUCHED, *(one.key for one, _ in portion)), epoch, *values)

    def _clear(self, epoch: str) -> None:
        self._step(scripts.CLEAR, (CLAIMS, TOUCHED, TOPICS), epoch)
        for prefix in (MEMBERS, TOPIC):
            for keys in self._index.keys(f"{prefix}*"):
                for portion in portions(keys, PORTION):
                    self._step(scripts.CLEAR, portion, epoch)

    def _make_room(self) -> None:
        """What else is in Redis needs the room more than half an index does."""
        log.error("index_too_large", restSeconds=REST_SECONDS)
        self._index.abandon()
        for prefix in (MEMBERS, TOPIC, CLAIMS, TOUCHED):
            for keys in self._index.keys(f"{prefix}*"):
                self._index.unlink(keys)
        self._index.rest(REST, REST_SECONDS)

    def _step(self, script: Script, keys: Sequence[str], epoch: str, *arguments: str | int) -> None:
        if self._index.run(script, [META, LEASE, *keys], [epoch, LEASE_MS, *arguments]) == -1:
            raise _Lost
