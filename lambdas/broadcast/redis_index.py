"""Reading the fan-out index: members by pipelines, and the groups of a topic. Exact, or not at all.

Each pipeline begins and ends with a look at the index itself. What was read in between counts only where both
find it ready and the same, on the server that it was built on.
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
    """The index as `index_projector` keeps it. `now` is the time of day in epoch seconds."""

    def __init__(
        self, client: RedisClient, now: Callable[[], float] = time.time, commands_max: int = COMMANDS_MAX
    ) -> None:
        self._client, self._now, self._commands_max = client, now, commands_max
        self._groups: OrderedDict[str, tuple[str, str, list[Group]]] = OrderedDict()

    def members(self, groups: Sequence[Group], now: int) -> list[tuple[Group, list[str]]]:
        """The connections of the groups that are reachable at `now`, a shard at a time. Raises RedisFault."""
        shards = [(group, shard) for group in groups for shard in range(group.shards)]
        found: list[tuple[Group, list[str]]] = []
        epoch: str | None = None
        for start in range(0, len(shards), self._commands_max):
            portion = shards[start : start + self._commands_max]
            commands: list[Command] = [
                ("ZRANGE", members_key(group.group_id, shard), f"({now}", "+inf", "BYSCORE")
                for group, shard in portion
            ]
            epoch, replies = self._read(commands, epoch)
            found += [(group, ids) for (group, _), ids in zip(portion, replies, strict=True)]
        return found

    def groups(self, topic: str, now: int) -> tuple[list[Group], int] | None:
        """A topic's groups, and since when what was announced has to be added. Raises RedisFault.

        None where the index knows nothing of the topic, or not lately enough. Groups that have ended an hour
        ago at most may be among them: their expiry may have been put off meanwhile.
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
        """The replies, all of one index that may be believed, of the given epoch where one is given."""
        replies = self._client.ask([*LOOK, *commands, *LOOK])
        size = len(LOOK)
        before, after = (trusted(look, self._now()) for look in (replies[:size], replies[-size:]))
        if before != after or epoch not in {None, before}:
            raise RedisFault("changed", "the index was built anew while it was read")
        return before, replies[size:-size]
