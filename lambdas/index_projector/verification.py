"""Comparing the index with the table, and mending what differs.

What differs may only be late: the stream brings it in a moment. So it is looked at twice, and only what still
differs then is wrong.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from index_projector.index import portions
from realtime_core.adapters.policy import ANNOUNCEMENT_LIFETIME_SECONDS
from realtime_core.adapters.redis_layout import CHECKED_SECONDS_MAX, MEMBERS
from realtime_core.logs import get_logger

if TYPE_CHECKING:
    from index_projector.index import Index
    from index_projector.invocation import Check
    from index_projector.membership import Membership
    from index_projector.projector import Projector
    from index_projector.table import Table

log = get_logger(__name__)

Shard = tuple[str, int]

SETTLE_SECONDS = 2.0
READERS = 8
TOGETHER = 100
"""Shards that are read in one pipeline, and compared before the next are."""
TOPIC_SECONDS = CHECKED_SECONDS_MAX // 3
"""How often the groups of a topic are compared, so that readers find them compared lately."""


class Found(NamedTuple):
    """What a comparison found, by membership."""

    shards: int = 0
    members: int = 0
    missing: frozenset[Membership] = frozenset()
    extra: frozenset[Membership] = frozenset()
    stale: frozenset[Membership] = frozenset()
    """Of which the index has another end than the table."""

    @property
    def wrong(self) -> frozenset[Membership]:
        """All of these."""
        return self.missing | self.extra | self.stale


class Checker:
    """Compares and mends. Raises StoreUnavailable where either side cannot be read."""

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

    def check(self, shards: Sequence[Shard], *, repair: bool) -> Found:
        """What is wrong in these shards; with `repair` it is set right as well."""
        found = self._compare(shards)
        if found.wrong:
            self._sleep(SETTLE_SECONDS)
            again = self._compare(sorted({one[:2] for one in found.wrong}))
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

    def sample(self, groups: int) -> list[Shard]:
        """All shards of about so many groups of the index, at random."""
        topics = self._index.topics()
        random.shuffle(topics)
        chosen = self._index.some_groups(topics[:groups], max(1, groups // max(1, len(topics))))
        return [(one.group_id, shard) for one in chosen[:groups] for shard in range(one.shards)]

    def everything(self) -> list[Shard]:
        """Every shard that the table or the index knows of."""
        shards = {
            (one.group_id, shard)
            for page in self._table.scan(0, 1)
            for one in page.listings
            for shard in range(one.shards)
        }
        for keys in self._index.keys(f"{MEMBERS}*"):
            for key in keys:
                group_id, _, shard = key.removeprefix(MEMBERS).partition("#")
                shards.add((group_id, int(shard)))
        return sorted(shards)

    def answer(self, task: Check) -> dict[str, Any]:
        """Compare as a task; its answer, with what was found in counts."""
        meta = self._index.meta()
        if meta.state != "ready":
            return {"task": "check", "outcome": "failed", "reason": f"the index is {meta.state or 'missing'}"}
        groups = self.check_topics(meta.epoch, self._index.topics(), 0) if task.repair else 0
        shards = self.everything() if task.groups is None else self.sample(task.groups)
        found = self.check(shards, repair=task.repair)
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

    def check_topics(self, epoch: str, topics: Iterable[str], older_than: int) -> int:
        """Bring the groups of topics that were not compared lately up to date; how many differed.

        Of what ended, that is removed whose end is too long ago to have been put off.
        """
        differed = 0
        for topic in topics:
            known, checked = self._index.listings(topic)
            if self._now() - checked < older_than:
                continue
            begun_at = int(self._now())
            listed = self._table.listings(topic)
            there = {one.group_id for one in listed}
            ended = {
                one.group_id: one.expires_at
                for one in known
                if one.group_id not in there and one.expires_at < begun_at - ANNOUNCEMENT_LIFETIME_SECONDS
            }
            differed += self._index.list_groups(listed)
            self._index.unlist_groups(topic, ended)
            self._index.checked(epoch, topic, begun_at, empty=not listed and len(ended) == len(known))
        return differed

    def _compare(self, shards: Sequence[Shard]) -> Found:
        members = 0
        missing: set[Membership] = set()
        extra: set[Membership] = set()
        stale: set[Membership] = set()
        with ThreadPoolExecutor(READERS, thread_name_prefix="check") as pool:
            for portion in portions(shards, TOGETHER):
                # The table first: what changes in between the index may have already, which is no fault.
                truths = list(pool.map(lambda shard: self._table.members(*shard), portion))
                for truth, indexed in zip(truths, self._index.members(portion), strict=True):
                    now = self._now()
                    members += len(truth)
                    for one in truth.keys() | indexed.keys():
                        expected, got = truth.get(one, 0), indexed.get(one, 0)
                        if expected == got or max(expected, got) <= now:
                            continue
                        kind = stale if expected and got else missing if expected else extra
                        kind.add(one)
        return Found(len(shards), members, frozenset(missing), frozenset(extra), frozenset(stale))
