"""`Subscriptions` whose members are read from Redis, wherever that is sure to give the same as DynamoDB.

What is pending is read first, and laid over what the index says. So whatever change is in neither happened
after the reading began. Any doubt, and the whole event is read from DynamoDB.
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
"""How seldom a process reports what it found."""
OVERLAP_SECONDS = 120
"""Clocks differ: announcements are read from so long before."""


class IndexedSubscriptions:
    """`Subscriptions` on DynamoDB, with the index in front of its two big reads.

    An event that reaches fewer than `shards_min` shards is read from DynamoDB at once: that takes fewer
    queries than asking what is pending does. `now` is the time of day in epoch seconds.
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
        """The connections of the groups that may be posted to at `now`, by portions, group by group."""
        found = None
        if sum(group.shards for group in groups) >= self._shards_min:
            found = self._attempt(lambda: self._members(groups, now))
        yield from found if found is not None else self._store.members(groups, now)

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of exactly this topic that may have members."""
        known = self._attempt(lambda: self._index.groups(topic, now))
        if known is None:
            return self._store.groups(topic, now)
        groups, checked = known
        # A group may come several times; of its shards the most hold.
        found = {group.group_id: group for group in groups}
        for group in self._store.announced(topic, checked - OVERLAP_SECONDS):
            if group.group_id not in found or found[group.group_id].shards < group.shards:
                found[group.group_id] = group
        return list(found.values())

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups that were listed, or spread, at `since` or later; of these DynamoDB alone knows."""
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
        """Let new members of a group that has grown go to more shards."""
        self._store.spread(group, shards, now)

    def _members(self, groups: Sequence[Group], now: int) -> list[tuple[Group, list[str]]]:
        overlay = self._pending.overlay(now)
        if not overlay.complete or overlay.age(now) > BEHIND_SECONDS:
            raise RedisFault("behind", "the index lags behind the table")
        found = self._index.members(groups, now)
        return laid_over(found, overlay, now) if overlay.items else found

    def _attempt(self, read: Callable[[], T]) -> T | None:
        """What the index says; None where it cannot be asked, or not be believed."""
        if self._breaker.allows():
            try:
                found = read()
            except RedisFault as fault:
                log.warning("redis_fallback", reason=fault.reason, problem=str(fault))
                self._breaker.failed(fault.reason)
            else:
                self._recovered()
                return found
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
        """Say how Redis was found, but not each time; that this fails is no reason to fail."""
        found = Health("down" if state == "down" else "up", int(self._now()))
        before = self._reported
        if before is not None and before.redis == found.redis and found.at - before.at < REPORT_SECONDS:
            return
        try:
            self._health.report(found)
        except StoreUnavailable as error:
            log.warning("health_not_reported", reason=str(error))
        self._reported = found


def laid_over(
    found: Sequence[tuple[Group, list[str]]], overlay: Overlay, now: int
) -> list[tuple[Group, list[str]]]:
    """Members as the index has them, a portion for each shard, with what is pending taken for the truth."""
    changed: dict[str, set[str]] = {}
    joined: dict[str, list[str]] = {}
    for one in overlay.items:
        changed.setdefault(one.topic, set()).add(one.connection_id)
        if one.group_id is not None and one.until > now:
            joined.setdefault(one.group_id, []).append(one.connection_id)
    after: list[tuple[Group, list[str]]] = []
    for group, ids in found:
        left_out = changed.get(group.topic, frozenset[str]())
        kept = [one for one in ids if one not in left_out] if left_out else ids
        after.append((group, kept + joined.pop(group.group_id, [])))
    return after
