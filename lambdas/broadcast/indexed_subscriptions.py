"""`Subscriptions` that reads from the index in Redis if the result is the same as from DynamoDB.

Pending changes are read before the index, and then applied to what the index returns. So a change that is in
neither was made after the read began. In any doubt, everything is read from DynamoDB.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from broadcast.redis_index import FIRST
from realtime_core.errors import StoreUnavailable
from realtime_core.redis.circuit_breaker import CircuitBreaker
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.health import Health
from realtime_core.subscriptions.dynamodb_members import READERS
from realtime_core.subscriptions.pending_changes import BEHIND_SECONDS
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import REDIS_FALLBACKS
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from broadcast.redis_index import RedisIndex
    from realtime_core.connections.base import Connection
    from realtime_core.redis.health import HealthRecord
    from realtime_core.subscriptions.base import Group, MemberPage, MemberPlace, Subscriptions
    from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingChanges

log = get_logger(__name__)

T = TypeVar("T")
REPORT_SECONDS = 10
"""The shortest time between two reports of the same state."""
PART_SHARDS = 1_000
"""So many shards are read from the index at once, each with up to two thousand members."""
OVERLAP_SECONDS = 120
"""How much earlier announcements are read, because clocks differ."""


class IndexedSubscriptions:
    """`Subscriptions` on DynamoDB, with the index in front of its two large reads.

    Fewer than `shards_min` shards are read from DynamoDB directly: that takes fewer queries than reading the
    pending changes. `now` returns the time in epoch seconds.
    """

    def __init__(
        self,
        store: Subscriptions,
        index: RedisIndex,
        pending: DynamoPendingChanges,
        health: HealthRecord,
        *,
        shards_min: int = READERS,
        now: Callable[[], float] = time.time,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._store, self._index, self._pending, self._health = store, index, pending, health
        self._shards_min = shards_min
        self._now = now
        self._breaker = breaker or CircuitBreaker()
        self._reported: Health | None = None

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of each group that can be posted to at `now`, in batches, group by group."""
        if sum(group.shards for group in groups) < self._shards_min:
            yield from self._store.members(groups, now)
            return
        for part in _parts(groups):
            members = self._try_index(partial(self._members, part, now))
            yield from members if members is not None else self._store.members(part, now)

    def groups(self, topic: str, now: int) -> Iterator[Group]:
        """The groups of this topic that may have members, page by page; some of them twice."""
        page = self._try_index(lambda: self._index.groups(topic, now))
        while page is not None:
            yield from page.groups
            if page.cursor == FIRST:
                yield from self._store.announced(topic, page.checked_at - OVERLAP_SECONDS)
                return
            page = self._try_index(partial(self._index.groups, topic, now, page))
        # From the beginning: what was read from the index comes twice then.
        yield from self._store.groups(topic, now)

    def announced(
        self, topic: str, since: int, known: Callable[[str], Group | None] | None = None
    ) -> list[Group]:
        """The groups that were announced at `since` or later; only DynamoDB has these."""
        return self._store.announced(topic, since, known)

    def subscribe(
        self,
        connection_id: str,
        topic: str,
        canonical_filter: str,
        now: int,
        *,
        record: Connection | None = None,
        received_ms: int | None = None,
        admit_new: Callable[[], None] | None = None,
    ) -> Connection:
        """Add or replace a subscription."""
        return self._store.subscribe(
            connection_id,
            topic,
            canonical_filter,
            now,
            record=record,
            received_ms=received_ms,
            admit_new=admit_new,
        )

    def unsubscribe(
        self,
        connection_id: str,
        topic: str,
        *,
        record: Connection | None = None,
        received_ms: int | None = None,
    ) -> None:
        """Remove the subscription to a topic, if there is one."""
        self._store.unsubscribe(connection_id, topic, record=record, received_ms=received_ms)

    def end_forbidden(self, connection: Connection) -> list[str]:
        """Remove the subscriptions that the permissions do not cover; their topics."""
        return self._store.end_forbidden(connection)

    def remove_members(self, connections: Iterable[Connection]) -> None:
        """Remove the memberships of connections whose records were removed."""
        self._store.remove_members(connections)

    def extend(self, connection: Connection, *, shortened: bool = False) -> None:
        """Copy a refreshed `token_exp` to the memberships."""
        self._store.extend(connection, shortened=shortened)

    def add_shards(self, group: Group, shards: int, now: int) -> None:
        """Give a group more shards, which new members use."""
        self._store.add_shards(group, shards, now)

    def member_pages(
        self,
        groups: Sequence[Group],
        now: int,
        *,
        after: MemberPlace | None = None,
        until: MemberPlace | None = None,
        joined_before_ms: int | None = None,
    ) -> Iterator[MemberPage]:
        """The connections that can be posted to at `now`, in order, with places to go on from."""
        return self._store.member_pages(
            groups, now, after=after, until=until, joined_before_ms=joined_before_ms
        )

    def _members(self, groups: Sequence[Group], now: int) -> list[tuple[Group, list[str]]]:
        pending = self._pending.read(now)
        if not pending.complete or pending.age(now) > BEHIND_SECONDS:
            raise RedisFault("behind", "the index lags behind the table")
        members = self._index.members(groups, now)
        return apply_changes(members, pending, now) if pending.items else members

    def _try_index(self, read: Callable[[], T]) -> T | None:
        """The result of a read from the index; None if it fails or the index cannot be used."""
        if self._breaker.allows_request():
            try:
                result = read()
            except RedisFault as fault:
                log.warning("redis_fallback", reason=fault.reason, problem=str(fault))
                self._breaker.record_failure(fault.reason)
            else:
                self._recover()
                return result
        reason = self._breaker.reason or "unknown"
        add(REDIS_FALLBACKS, 1, reason)
        self._report("down")
        return None

    def _recover(self) -> None:
        if self._breaker.reason is not None:
            log.info("redis_recovered", after=self._breaker.reason)
            self._breaker.record_success()
        if self._reported is not None and self._reported.redis == "down":
            self._report("up")

    def _report(self, state: str) -> None:
        """Report the state of Redis if it has changed or the last report is old; a failure is only logged."""
        health = Health("down" if state == "down" else "up", int(self._now()))
        last = self._reported
        if last is not None and last.redis == health.redis and health.at - last.at < REPORT_SECONDS:
            return
        try:
            self._health.report(health)
        except StoreUnavailable as error:
            log.warning("health_not_reported", reason=str(error))
        self._reported = health


def _parts(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Groups in parts that are read at once: what is read is held in memory."""
    part: list[Group] = []
    shards = 0
    for group in groups:
        if part and shards + group.shards > PART_SHARDS:
            yield part
            part, shards = [], 0
        part.append(group)
        shards += group.shards
    if part:
        yield part


def apply_changes(
    members: Sequence[tuple[Group, list[str]]], pending: PendingChanges, now: int
) -> list[tuple[Group, list[str]]]:
    """Apply pending changes to the members of the index, which has a batch for each shard."""
    changed: dict[str, set[str]] = {}
    joined: dict[str, list[str]] = {}
    for change in pending.items:
        changed.setdefault(change.topic, set()).add(change.connection_id)
        if change.group_id is not None and change.until > now:
            joined.setdefault(change.group_id, []).append(change.connection_id)

    result: list[tuple[Group, list[str]]] = []
    for group, ids in members:
        overridden = changed.get(group.topic, frozenset[str]())
        unchanged = [item for item in ids if item not in overridden] if overridden else ids
        # pop: with several batches of a group, its new members are added to the first one only.
        result.append((group, unchanged + joined.pop(group.group_id, [])))
    return result
