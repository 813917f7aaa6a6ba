"""Compares the index with the table, and repairs what differs.

A difference may only be late: the stream brings the change in a moment. So the index is compared twice, and
only what still differs the second time is wrong.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.concurrency import batches
from realtime_core.subscriptions.base import ANNOUNCEMENT_LIFETIME_SECONDS
from realtime_core.subscriptions.redis_keys import CHECKED_SECONDS_MAX, MEMBERS
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from index_projector.index import Index
    from index_projector.invocation import CheckTask
    from index_projector.membership import Membership
    from index_projector.projector import Projector
    from index_projector.table import Table

log = get_logger(__name__)

Shard = tuple[str, int]

SETTLE_SECONDS = 2.0
"""How long the stream gets to bring a late change."""
READERS = 8
SHARDS_TOGETHER = 100
"""Shards that are read in one pipeline, and compared before the next ones."""
TOPIC_SECONDS = CHECKED_SECONDS_MAX // 3
"""How often to compare the groups of a topic, so that readers find a recent comparison."""


class Differences(NamedTuple):
    """What a comparison found, by membership."""

    shards: int = 0
    members: int = 0
    missing: frozenset[Membership] = frozenset()
    extra: frozenset[Membership] = frozenset()
    stale: frozenset[Membership] = frozenset()
    """Members that have another end in the index than in the table."""

    @property
    def wrong(self) -> frozenset[Membership]:
        """All memberships that differ."""
        return self.missing | self.extra | self.stale


class Verification:
    """Compares and repairs. Its methods raise StoreUnavailable if either side cannot be read."""

    def __init__(
        self,
        index: Index,
        table: Table,
        projector: Projector,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index, self._table, self._projector = index, table, projector
        self._now, self._sleep = now, sleep

    def verify(self, shards: Sequence[Shard], *, repair: bool) -> Differences:
        """Return what is wrong in these shards; with `repair`, set it right as well."""
        found = self._compare(shards)
        if found.wrong:
            self._sleep(SETTLE_SECONDS)
            again = self._compare(sorted({membership[:2] for membership in found.wrong}))
            found = found._replace(
                missing=found.missing & again.missing,
                extra=found.extra & again.extra,
                stale=found.stale & again.stale,
            )

        if found.wrong:
            log.error(
                "index_differs",
                missing=len(found.missing),
                extra=len(found.extra),
                stale=len(found.stale),
                repaired=repair,
            )
            if repair:
                self._projector.refresh(found.wrong)
        return found

    def sample_shards(self, groups: int) -> list[Shard]:
        """All shards of about this many groups of the index, at random."""
        topics = self._index.topics()
        random.shuffle(topics)
        listings = self._index.some_groups(topics[:groups], max(1, groups // max(1, len(topics))))
        return [(group.group_id, shard) for group in listings[:groups] for shard in range(group.shards)]

    def all_shards(self) -> list[Shard]:
        """Every shard that the table or the index has."""
        shards = {
            (group.group_id, shard)
            for page in self._table.scan(0, 1)
            for group in page.listings
            for shard in range(group.shards)
        }
        for keys in self._index.keys(f"{MEMBERS}*"):
            for key in keys:
                group_id, _, shard = key.removeprefix(MEMBERS).partition("#")
                shards.add((group_id, int(shard)))
        return sorted(shards)

    def run_task(self, task: CheckTask) -> dict[str, Any]:
        """Compare as the task `check` asks. Returns its response, with the differences as counts."""
        meta = self._index.meta()
        if meta.state != "ready":
            return {"task": "check", "outcome": "failed", "reason": f"the index is {meta.state or 'missing'}"}

        groups = self.verify_topics(meta.epoch, self._index.topics(), 0) if task.repair else 0
        shards = self.all_shards() if task.groups is None else self.sample_shards(task.groups)
        found = self.verify(shards, repair=task.repair)

        return {
            "task": "check",
            "outcome": "different" if found.wrong else "equal",
            "shards": found.shards,
            "members": found.members,
            "missing": len(found.missing),
            "extra": len(found.extra),
            "stale": len(found.stale),
            "repaired": len(found.wrong) if task.repair else 0,
            "groupsRepaired": groups,
        }

    def verify_topics(self, epoch: str, topics: Iterable[str], older_than: int) -> int:
        """Update the groups of topics that were last compared more than `older_than` seconds ago.

        Returns how many groups differed. A group that is missing in the table is removed once its end is too
        long ago to have been extended.
        """
        differed = 0
        for topic in topics:
            known, verified_at = self._index.listings(topic)
            if self._now() - verified_at < older_than:
                continue

            begun_at = int(self._now())
            listed = self._table.listings(topic)
            listed_ids = {group.group_id for group in listed}
            ended = {
                group.group_id: group.expires_at
                for group in known
                if group.group_id not in listed_ids
                and group.expires_at < begun_at - ANNOUNCEMENT_LIFETIME_SECONDS
            }

            differed += self._index.list_groups(listed)
            self._index.unlist_groups(topic, ended)
            self._index.mark_verified(epoch, topic, begun_at, empty=not listed and len(ended) == len(known))
        return differed

    def _compare(self, shards: Sequence[Shard]) -> Differences:
        members = 0
        missing: set[Membership] = set()
        extra: set[Membership] = set()
        stale: set[Membership] = set()
        with ThreadPoolExecutor(READERS, thread_name_prefix="check") as pool:
            for batch in batches(shards, SHARDS_TOGETHER):
                # The table first: the index may already have a change that comes in between, and is right.
                stored = list(pool.map(lambda shard: self._table.members(*shard), batch))
                for expected, indexed in zip(stored, self._index.members(batch), strict=True):
                    now = self._now()
                    members += len(expected)
                    for membership in expected.keys() | indexed.keys():
                        right, actual = expected.get(membership, 0), indexed.get(membership, 0)
                        if right == actual or max(right, actual) <= now:
                            continue
                        kind = stale if right and actual else missing if right else extra
                        kind.add(membership)
        return Differences(len(shards), members, frozenset(missing), frozenset(extra), frozenset(stale))
