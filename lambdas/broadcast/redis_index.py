"""Reads the index in Redis: members in pipelines, and the groups of a topic. Exact, or a RedisFault.

Each pipeline begins and ends by reading the state of the index. The replies in between are used only if both
states are ready and equal, on the server that the index was built on.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.redis.errors import RedisFault
from realtime_core.subscriptions.base import ANNOUNCEMENT_LIFETIME_SECONDS
from realtime_core.subscriptions.redis_keys import (
    CHECKED,
    CHECKED_SECONDS_MAX,
    LOOK,
    VERSION,
    decode_group,
    members_key,
    topic_key,
    trusted,
)

if TYPE_CHECKING:
    from realtime_core.redis.client import Command, RedisClient
    from realtime_core.subscriptions.base import Group

COMMANDS_MAX = 1_000
"""In one pipeline. A shard holds about a thousand members, so its answers are a megabyte or two at most."""
TOPICS_KEPT = 64


class RedisIndex:
    """The index that `index_projector` maintains. `now` returns the time in epoch seconds."""

    def __init__(
        self, client: RedisClient, now: Callable[[], float] = time.time, commands_max: int = COMMANDS_MAX
    ) -> None:
        self._client, self._now, self._commands_max = client, now, commands_max
        self._groups: OrderedDict[str, tuple[str, str, list[Group]]] = OrderedDict()

    def members(self, groups: Sequence[Group], now: int) -> list[tuple[Group, list[str]]]:
        """Return the groups' connections that are reachable at `now`, shard by shard. Raises RedisFault."""
        shards = [(group, shard) for group in groups for shard in range(group.shards)]
        members: list[tuple[Group, list[str]]] = []
        epoch: str | None = None

        for start in range(0, len(shards), self._commands_max):
            portion = shards[start : start + self._commands_max]
            commands: list[Command] = [
                ("ZRANGE", members_key(group.group_id, shard), f"({now}", "+inf", "BYSCORE")
                for group, shard in portion
            ]
            epoch, replies = self._read(commands, epoch)
            members += [(group, ids) for (group, _), ids in zip(portion, replies, strict=True)]

        return members

    def groups(self, topic: str, now: int) -> tuple[list[Group], int] | None:
        """Return a topic's groups, and the time from which announcements must be added. Raises RedisFault.

        None if the index does not have the topic, or has not checked it recently. Groups that ended up to an
        hour ago are included: their expiry may have been extended since.
        """
        key = topic_key(topic)
        epoch, [[version, checked]] = self._read([("HMGET", key, VERSION, CHECKED)])
        if checked is None or not 0 <= now - int(checked) <= CHECKED_SECONDS_MAX:
            return None

        known = self._groups.get(topic)
        if known is None or known[:2] != (epoch, version):
            _, [fields] = self._read([("HGETALL", key)], epoch)
            pairs = zip(fields[::2], fields[1::2], strict=True)
            decoded = [decode_group(topic, name, value) for name, value in pairs if name[0] != "@"]
            ended = now - ANNOUNCEMENT_LIFETIME_SECONDS
            known = (epoch, version, [group for group, expires_at in decoded if expires_at > ended])
            self._groups[topic] = known

        self._groups.move_to_end(topic)
        if len(self._groups) > TOPICS_KEPT:
            self._groups.popitem(last=False)
        return known[2], int(checked)

    def _read(self, commands: Sequence[Command], epoch: str | None = None) -> tuple[str, list[Any]]:
        """Return the replies, all of one trusted index, and of the given epoch if there is one."""
        replies = self._client.ask([*LOOK, *commands, *LOOK])
        size = len(LOOK)
        before, after = (trusted(look, self._now()) for look in (replies[:size], replies[-size:]))
        if before != after or epoch not in {None, before}:
            raise RedisFault("changed", "the index was rebuilt while it was read")
        return before, replies[size:-size]
