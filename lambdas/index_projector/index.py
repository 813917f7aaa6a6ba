"""The index as it is written. Reading it is `broadcast.redis_index`'s."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from index_projector import scripts
from index_projector.membership import Listing, Membership
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

T = TypeVar("T")

PORTION = 500
"""Memberships or keys of one script, which holds everybody else up for a millisecond."""


class Meta(NamedTuple):
    """What the index says of itself; an empty text or 0 where it does not."""

    state: str
    epoch: str
    server: str
    format: str
    started_at: int
    built_at: int
    tended_at: int


class Server(NamedTuple):
    """What answers."""

    identity: str
    policy: str
    """What it does when its memory is full."""
    used_share: float
    """How full its memory is; 0 where it has no limit."""


class Index:
    """Writes the index. Raises RedisFault where Redis does not take it."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def meta(self) -> Meta:
        """What the index says of itself."""
        [fields] = self._client.execute([("HMGET", META, *Meta._fields)])
        state, epoch, server, layout, *times = (field or "" for field in fields)
        started_at, built_at, tended_at = (int(text or 0) for text in times)
        return Meta(state, epoch, server, layout, started_at, built_at, tended_at)

    def server(self) -> Server:
        """Which server answers, and how it is set up. Raises RedisFault from a replica."""
        server, replication, memory = self._client.execute(
            [("INFO", "server"), ("INFO", "replication"), ("INFO", "memory")]
        )
        said = dict(line.split(":", 1) for line in memory.splitlines() if ":" in line)
        most = int(said.get("maxmemory", 0))
        share = int(said.get("used_memory", 0)) / most if most else 0.0
        return Server(server_of(server, replication), said.get("maxmemory_policy", "unknown"), share)

    def claim(self, memberships: Sequence[Membership], claim: str) -> bool:
        """Say that these are about to be read; False where there is no index that could take them."""
        # By itself: where memory is full the claims are refused, and with them the state.
        [state] = self._client.execute([("HGET", META, "state")])
        if state not in {"ready", "building"}:
            return False
        self._client.execute(
            [
                ("HSET", CLAIMS, *(text for one in portion for text in (one.field, claim)))
                for portion in portions(memberships, PORTION)
            ]
        )
        return True

    def settle(self, claim: str, states: Mapping[Membership, int | None]) -> list[Membership]:
        """Set memberships to what was read; those that somebody else has claimed meanwhile."""
        lost: list[Membership] = []
        shares = portions(list(states.items()), PORTION)
        for share in shares:
            arguments = [claim]
            for one, until in share:
                arguments += [one.connection_id, "" if until is None else str(until)]
            keys = [META, CLAIMS, TOUCHED, *(one.key for one, _ in share)]
            [numbers] = self._client.execute([scripts.SETTLE.call(keys, arguments)])
            lost += [share[number - 1][0] for number in numbers]
        return lost

    def list_groups(self, listings: Iterable[Listing]) -> int:
        """List groups; how many were new or got more shards."""
        by_topic: dict[str, list[Listing]] = {}
        for one in listings:
            by_topic.setdefault(one.topic, []).append(one)
        commands = [
            scripts.LIST.call(
                [META, topic_key(topic), TOPICS],
                [topic, *(value for one in portion for value in (one.group_id, *one[2:]))],
            )
            for topic, ones in by_topic.items()
            for portion in portions(ones, PORTION)
        ]
        return sum(self._client.execute(commands)) if commands else 0

    def unlist_groups(self, topic: str, ended: Mapping[str, int]) -> int:
        """Remove groups that ended at those times, unless they were listed anew since; how many."""
        if not ended:
            return 0
        arguments = [value for pair in ended.items() for value in pair]
        [removed] = self._client.execute([scripts.UNLIST.call([META, topic_key(topic)], arguments)])
        return int(removed)

    def listings(self, topic: str) -> tuple[list[Listing], int]:
        """A topic's groups as the index has them, and when they were last compared with the registry."""
        [fields] = self._client.execute([("HGETALL", topic_key(topic))])
        checked = dict(zip(fields[::2], fields[1::2], strict=True)).get(CHECKED, 0)
        return _listings(topic, fields), int(checked)

    def checked(self, epoch: str, topic: str, at: int, *, empty: bool) -> None:
        """Say when a topic's groups were compared; forget the topic where it has none."""
        if empty:
            self._client.execute([("UNLINK", topic_key(topic)), ("SREM", TOPICS, topic)])
        else:
            self._client.execute([scripts.CHECKED.call([META, topic_key(topic)], [epoch, at])])

    def topics(self) -> list[str]:
        """The topics that the index knows."""
        return list(self._client.execute([("SMEMBERS", TOPICS)])[0])

    def some_groups(self, topics: Sequence[str], count: int) -> list[Listing]:
        """Up to `count` groups of each topic, at random."""
        # Two of the fields are no groups.
        replies = self._client.execute(
            [("HRANDFIELD", topic_key(one), count + 2, "WITHVALUES") for one in topics]
        )
        return [
            one
            for topic, fields in zip(topics, replies, strict=True)
            for one in _listings(topic, fields)[:count]
        ]

    def members(self, shards: Sequence[tuple[str, int]]) -> list[dict[Membership, int]]:
        """All members of shards, until when each is reachable, ended ones too."""
        replies = self._client.execute(
            [("ZRANGE", members_key(*shard), "0", "-1", "WITHSCORES") for shard in shards]
        )
        return [
            {
                Membership(*shard, one): int(float(score))
                for one, score in zip(reply[::2], reply[1::2], strict=True)
            }
            for shard, reply in zip(shards, replies, strict=True)
        ]

    def trim(self, shards: Sequence[tuple[str, int]], before: int) -> int:
        """Remove members that ended before a time; how many."""
        replies = self._client.execute(
            [("ZREMRANGEBYSCORE", members_key(*shard), "-inf", f"({before}") for shard in shards]
        )
        return sum(replies)

    def tend(self, epoch: str, now: int) -> bool:
        """Say that somebody looks after this index; False where there is another by now."""
        tended, claims = self._client.execute([scripts.TEND.call([META], [epoch, now]), ("HLEN", CLAIMS)])
        if claims > 100 * PORTION:
            # Left behind by invocations that died. Who claimed now just claims again.
            self._client.execute([("UNLINK", CLAIMS)])
        return bool(tended)

    def abandon(self, epoch: str = "") -> None:
        """Let nobody believe this index (any, where no epoch is given) any more."""
        self._client.execute([scripts.ABANDON.call([META, LEASE], [epoch])])

    def keys(self, pattern: str) -> Iterator[list[str]]:
        """The keys like a pattern, some at a time."""
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
        """Take a lease, if nobody has it."""
        return bool(self._client.execute([("SET", key, text, "NX", "PX", milliseconds)])[0])

    def rest(self, key: str, seconds: int) -> None:
        """Remember for some time not to build."""
        self._client.execute([("SET", key, "1", "EX", seconds)])

    def resting(self, key: str) -> bool:
        """Whether that is remembered."""
        return bool(self._client.execute([("EXISTS", key)])[0])

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run one of the scripts that build the index."""
        return self._client.execute([script.call(keys, arguments)])[0]


def _listings(topic: str, fields: Sequence[str]) -> list[Listing]:
    """The groups among a topic's fields and their values."""
    found = []
    for group_id, value in zip(fields[::2], fields[1::2], strict=True):
        if group_id not in {VERSION, CHECKED}:
            group, expires_at = decode_group(topic, group_id, value)
            found.append(Listing(topic, group_id, expires_at, group.shards, group.filter))
    return found


def portions(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in their order, at most `size` of them in each portion."""
    return [items[start : start + size] for start in range(0, len(items), size)]
