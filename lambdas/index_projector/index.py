"""The index for its writer; `broadcast.redis_index` is for its readers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from index_projector import scripts
from index_projector.membership import Listing, Membership
from realtime_core.concurrency import batches
from realtime_core.subscriptions.base import REGISTRY_MARGIN_SECONDS
from realtime_core.subscriptions.redis_keys import (
    CHECKED,
    CLAIMS,
    LEASE,
    META,
    TOPICS,
    TOUCHED,
    VERSION,
    decode_group,
    members_key,
    server_of,
    topic_key,
)

if TYPE_CHECKING:
    from realtime_core.redis.client import RedisClient, Script

BATCH_SIZE = 500
"""Memberships or keys for one script, which blocks Redis for about a millisecond."""


class Meta(NamedTuple):
    """The metadata of the index, by the names of its fields in Redis; empty or 0 if a field is missing."""

    state: str
    epoch: str
    server: str
    format: str
    started_at: int
    built_at: int
    tended_at: int


class Server(NamedTuple):
    """The Redis server that answers."""

    identity: str
    policy: str
    """Its eviction policy, `maxmemory-policy`."""
    used_share: float
    """Used share of its memory limit; 0 without a limit."""


class Index:
    """Writes the index. Every method raises RedisFault if Redis fails or refuses."""

    def __init__(self, client: RedisClient, now: Callable[[], float] = time.time) -> None:
        self._client, self._now = client, now

    def meta(self) -> Meta:
        """Read the metadata."""
        [fields] = self._client.execute([("HMGET", META, *Meta._fields)])
        state, epoch, server, layout, *times = (field or "" for field in fields)
        started_at, built_at, tended_at = (int(text or 0) for text in times)
        return Meta(state, epoch, server, layout, started_at, built_at, tended_at)

    def server(self) -> Server:
        """Read which server answers and its memory settings. Raises RedisFault from a replica."""
        server, replication, memory = self._client.execute(
            [("INFO", "server"), ("INFO", "replication"), ("INFO", "memory")]
        )
        info = dict(line.split(":", 1) for line in memory.splitlines() if ":" in line)
        limit = int(info.get("maxmemory", 0))
        share = int(info.get("used_memory", 0)) / limit if limit else 0.0
        return Server(server_of(server, replication), info.get("maxmemory_policy", "unknown"), share)

    def claim(self, memberships: Sequence[Membership], claim: str) -> bool:
        """Claim memberships before they are read. Returns False if there is no index to write them to."""
        # Not in the pipeline of the claims: Redis refuses all of that when its memory is full.
        [state] = self._client.execute([("HGET", META, "state")])
        if state not in {"ready", "building"}:
            return False
        self._client.execute(
            [
                ("HSET", CLAIMS, *(text for membership in batch for text in (membership.field, claim)))
                for batch in batches(memberships, BATCH_SIZE)
            ]
        )
        return True

    def settle(self, claim: str, states: Mapping[Membership, int | None]) -> list[Membership]:
        """Set memberships to what was read: until when each is reachable, None to remove it.

        Leaves out and returns those that another invocation has claimed since.
        """
        lost: list[Membership] = []
        for batch in batches(list(states.items()), BATCH_SIZE):
            arguments = [claim]
            for membership, until in batch:
                arguments += [membership.connection_id, "" if until is None else str(until)]
            keys = [META, CLAIMS, TOUCHED, *(membership.key for membership, _ in batch)]
            [numbers] = self._client.execute([scripts.SETTLE.call(keys, arguments)])
            lost += [batch[number - 1][0] for number in numbers]
        return lost

    def list_groups(self, listings: Iterable[Listing]) -> int:
        """Add groups to their topics. Returns how many were new, came back or got more shards."""
        # Rather early: a group that has not ended is read once more, one that has would be missed.
        ended = int(self._now()) + REGISTRY_MARGIN_SECONDS
        by_topic: dict[str, list[Listing]] = {}
        for listing in listings:
            by_topic.setdefault(listing.topic, []).append(listing)
        commands = [
            scripts.LIST.call(
                [META, topic_key(topic), TOPICS],
                [topic, ended, *(value for listing in batch for value in (listing.group_id, *listing[2:]))],
            )
            for topic, topic_listings in by_topic.items()
            for batch in batches(topic_listings, BATCH_SIZE)
        ]
        return sum(self._client.execute(commands)) if commands else 0

    def unlist_groups(self, topic: str, ended: Mapping[str, int]) -> int:
        """Remove groups, by id and end, unless they were extended since. Returns how many."""
        if not ended:
            return 0
        arguments = [value for pair in ended.items() for value in pair]
        [removed] = self._client.execute([scripts.UNLIST.call([META, topic_key(topic)], arguments)])
        return int(removed)

    def listings(self, topic: str) -> tuple[list[Listing], int]:
        """Read a topic's groups, and when they were last compared with the registry (epoch seconds)."""
        [fields] = self._client.execute([("HGETALL", topic_key(topic))])
        verified_at = dict(zip(fields[::2], fields[1::2], strict=True)).get(CHECKED, 0)
        return _listings(topic, fields), int(verified_at)

    def mark_verified(self, epoch: str, topic: str, at: int, *, empty: bool) -> None:
        """Record when a topic's groups were compared; remove the topic if it still has none."""
        key = topic_key(topic)
        if empty:
            self._client.execute([scripts.FORGET.call([META, key, TOPICS], [epoch, topic])])
        else:
            self._client.execute([scripts.MARK_VERIFIED.call([META, key], [epoch, at])])

    def topics(self) -> list[str]:
        """Read the topics of the index."""
        return list(self._client.execute([("SMEMBERS", TOPICS)])[0])

    def some_groups(self, topics: Sequence[str], count: int) -> list[Listing]:
        """Read up to `count` groups of each topic, at random."""
        # Two fields of the hash are not groups.
        replies = self._client.execute(
            [("HRANDFIELD", topic_key(topic), count + 2, "WITHVALUES") for topic in topics]
        )
        return [
            listing
            for topic, fields in zip(topics, replies, strict=True)
            for listing in _listings(topic, fields)[:count]
        ]

    def members(self, shards: Sequence[tuple[str, int]]) -> list[dict[Membership, int]]:
        """Read all members of shards, even those that have ended, and until when each is reachable."""
        replies = self._client.execute(
            [("ZRANGE", members_key(*shard), "0", "-1", "WITHSCORES") for shard in shards]
        )
        return [
            {
                Membership(*shard, connection_id): int(float(score))
                for connection_id, score in zip(reply[::2], reply[1::2], strict=True)
            }
            for shard, reply in zip(shards, replies, strict=True)
        ]

    def trim(self, shards: Sequence[tuple[str, int]], before: int) -> int:
        """Remove members that ended before this time. Returns how many."""
        replies = self._client.execute(
            [("ZREMRANGEBYSCORE", members_key(*shard), "-inf", f"({before}") for shard in shards]
        )
        return sum(replies)

    def mark_maintained(self, epoch: str, now: int) -> bool:
        """Record that this index is maintained. Returns False if another index has replaced it."""
        marked, claims = self._client.execute(
            [scripts.MARK_MAINTAINED.call([META], [epoch, now]), ("HLEN", CLAIMS)]
        )
        if claims > 100 * BATCH_SIZE:
            # Left behind by invocations that died. Those that are at work claim again.
            self._client.execute([("UNLINK", CLAIMS)])
        return bool(marked)

    def abandon(self, epoch: str = "") -> None:
        """Take the index of this epoch out of use; without an epoch, any index."""
        self._client.execute([scripts.ABANDON.call([META, LEASE], [epoch])])

    def keys(self, pattern: str) -> Iterator[list[str]]:
        """Yield the keys that match a pattern, some at a time."""
        cursor = "0"
        while True:
            [[cursor, keys]] = self._client.execute([("SCAN", cursor, "MATCH", pattern, "COUNT", 1_000)])
            if keys:
                yield keys
            if cursor == "0":
                return

    def unlink(self, keys: Sequence[str]) -> None:
        """Remove keys."""
        self._client.execute([("UNLINK", *keys)])

    def lease(self, key: str, text: str, milliseconds: int) -> bool:
        """Take a lease. Returns False if it is taken."""
        return bool(self._client.execute([("SET", key, text, "NX", "PX", milliseconds)])[0])

    def rest(self, key: str, reason: str, seconds: int) -> None:
        """Set a key that says not to rebuild for this long, and why."""
        self._client.execute([("SET", key, reason, "EX", seconds)])

    def resting(self, key: str) -> str:
        """The reason in that key; empty if it is not set."""
        return self._client.execute([("GET", key)])[0] or ""

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run one of the scripts of a rebuild."""
        return self._client.execute([script.call(keys, arguments)])[0]


def _listings(topic: str, fields: Sequence[str]) -> list[Listing]:
    """The groups among a topic's fields and their values."""
    listings = []
    for group_id, value in zip(fields[::2], fields[1::2], strict=True):
        if group_id not in {VERSION, CHECKED}:
            group, expires_at = decode_group(topic, group_id, value)
            listings.append(Listing(topic, group_id, expires_at, group.shards, group.filter))
    return listings
