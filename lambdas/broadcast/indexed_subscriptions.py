"""`Subscriptions` that reads members from Redis whenever the result is certain to equal DynamoDB's.

Pending changes are read first, and applied to the members that the index returns. So a change that is in
neither was made after reading began. In any doubt, all members of the event are read from DynamoDB.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from realtime_core.errors import StoreUnavailable
from realtime_core.redis.client import Breaker
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.health import Health
from realtime_core.subscriptions.dynamodb_groups import READERS
from realtime_core.subscriptions.pending_changes import BEHIND_SECONDS
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import REDIS_FALLBACKS
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from broadcast.redis_index import RedisIndex
    from realtime_core.connections.base import Connection
    from realtime_core.redis.health import HealthRecord
    from realtime_core.subscriptions.base import Group, Subscriptions
    from realtime_core.subscriptions.pending_changes import DynamoPending, Overlay

log = get_logger(__name__)

T = TypeVar("T")
REPORT_SECONDS = 10
"""The interval at which a process reports the same state again."""
OVERLAP_SECONDS = 120
"""Announcements are read from this much earlier: clocks differ."""


class IndexedSubscriptions:
    """`Subscriptions` on DynamoDB, with the index in front of its two big reads.

    An event that reaches fewer than `shards_min` shards is read from DynamoDB directly: that takes fewer
    queries than reading the pending changes. `now` returns the time in epoch seconds.
    """

    def __init__(
        self,
        store: Subscriptions,
        index: RedisIndex,
        pending: DynamoPending,
        health: HealthRecord,
        *,
        shards_min: int = READERS,
        now: Callable[[], float] = time.time,
        breaker: Breaker | None = None,
    ) -> None:
        self._store, self._index, self._pending, self._health = store, index, pending, health
        self._shards_min = shards_min
        self._now = now
        self._breaker = breaker or Breaker()
        self._reported: Health | None = None

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """Yield the groups' connections that are reachable at `now`, in portions, group by group."""
        members = None
        if sum(group.shards for group in groups) >= self._shards_min:
            members = self._attempt(lambda: self._members(groups, now))
        yield from members if members is not None else self._store.members(groups, now)

    def groups(self, topic: str, now: int) -> list[Group]:
        """Return the groups of exactly this topic that may have members."""
        known = self._attempt(lambda: self._index.groups(topic, now))
        if known is None:
            return self._store.groups(topic, now)

        groups, checked = known
        # A group may be announced several times; its largest number of shards counts.
        by_id = {group.group_id: group for group in groups}
        for group in self._store.announced(topic, checked - OVERLAP_SECONDS):
            if group.group_id not in by_id or by_id[group.group_id].shards < group.shards:
                by_id[group.group_id] = group
        return list(by_id.values())

    def announced(self, topic: str, since: int) -> list[Group]:
        """Return the groups that were listed, or spread, at `since` or later; only DynamoDB has these."""
        return self._store.announced(topic, since)

    def subscribe(
        self,
        connection_id: str,
        topic: str,
        canonical_filter: str,
        now: int,
        *,
        record: Connection | None = None,
    ) -> Connection:
        """Add or replace a subscription."""
        return self._store.subscribe(connection_id, topic, canonical_filter, now, record=record)

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove the subscription, if there is one."""
        self._store.unsubscribe(connection_id, topic)

    def forget(self, connections: Iterable[Connection]) -> None:
        """Remove every membership of connections whose records were removed."""
        self._store.forget(connections)

    def extend(self, connection: Connection) -> None:
        """Carry a refreshed `token_exp` into the memberships."""
        self._store.extend(connection)

    def spread(self, group: Group, shards: int, now: int) -> None:
        """Give new members of a group that has grown more shards."""
        self._store.spread(group, shards, now)

    def _members(self, groups: Sequence[Group], now: int) -> list[tuple[Group, list[str]]]:
        overlay = self._pending.overlay(now)
        if not overlay.complete or overlay.age(now) > BEHIND_SECONDS:
            raise RedisFault("behind", "the index lags behind the table")
        members = self._index.members(groups, now)
        return with_pending(members, overlay, now) if overlay.items else members

    def _attempt(self, read: Callable[[], T]) -> T | None:
        """Return what the index returns; None if it cannot be read or trusted."""
        if self._breaker.allows():
            try:
                result = read()
            except RedisFault as fault:
                log.warning("redis_fallback", reason=fault.reason, problem=str(fault))
                self._breaker.failed(fault.reason)
            else:
                self._recovered()
                return result

        reason = self._breaker.reason or "unknown"
        add(REDIS_FALLBACKS, 1, reason)
        self._report("down")
        return None

    def _recovered(self) -> None:
        if self._breaker.reason is not None:
            log.info("redis_recovered", after=self._breaker.reason)
            self._breaker.succeeded()
        if self._reported is not None and self._reported.redis == "down":
            self._report("up")

    def _report(self, state: str) -> None:
        """Report the state of Redis, at most every `REPORT_SECONDS` unless it changes. Never raises."""
        current = Health("down" if state == "down" else "up", int(self._now()))
        before = self._reported
        if before is not None and before.redis == current.redis and current.at - before.at < REPORT_SECONDS:
            return
        try:
            self._health.report(current)
        except StoreUnavailable as error:
            log.warning("health_not_reported", reason=str(error))
        self._reported = current


def with_pending(
    members: Sequence[tuple[Group, list[str]]], overlay: Overlay, now: int
) -> list[tuple[Group, list[str]]]:
    """Apply the pending changes to the members that the index returned, a portion for each shard."""
    changed: dict[str, set[str]] = {}
    joined: dict[str, list[str]] = {}
    for change in overlay.items:
        changed.setdefault(change.topic, set()).add(change.connection_id)
        if change.group_id is not None and change.until > now:
            joined.setdefault(change.group_id, []).append(change.connection_id)

    current: list[tuple[Group, list[str]]] = []
    for group, ids in members:
        left_out = changed.get(group.topic, frozenset[str]())
        kept = [connection_id for connection_id in ids if connection_id not in left_out] if left_out else ids
        current.append((group, kept + joined.pop(group.group_id, [])))
    return current
