"""The reader of the fan-out index in Redis: the members of groups, and the groups of a topic.

Each pipeline begins and ends with the status commands. The replies in between are used only if both find the
index ready, of the same epoch, and on the server that it was built on.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.redis.errors import RedisFault
from realtime_core.subscriptions.base import ANNOUNCEMENT_LIFETIME_SECONDS
from realtime_core.subscriptions.redis_keys import (
    CHECKED,
    CHECKED_SECONDS_MAX,
    STATUS_COMMANDS,
    VERSION,
    decode_group,
    members_key,
    topic_key,
    verify_status,
)

if TYPE_CHECKING:
    from realtime_core.redis.client import Command, RedisClient
    from realtime_core.subscriptions.base import Group

COMMANDS_MAX = 1_000
"""The most commands in a pipeline. A shard has about a thousand members, so its reply is small."""
TOPICS_MAX = 64
KEPT_SECONDS = 30 * 60
"""How long a topic's groups are kept: their ends move on without a new version. Half as long as a group is
read after its end, so that one which is left out had ended when it was read, and is new if it comes back."""


class _Kept(NamedTuple):
    """The groups of a topic, with when each ends, as they were read at `read_at` (epoch seconds)."""

    epoch: str
    version: str | None
    read_at: int
    groups: Sequence[tuple[Group, int]]

    def is_current(self, epoch: str, version: str | None, now: int) -> bool:
        """Whether to read again would find no other groups."""
        return (self.epoch, self.version) == (epoch, version) and 0 <= now - self.read_at <= KEPT_SECONDS


class RedisIndex:
    """The index that `index_projector` maintains. `now` returns the time in epoch seconds."""

    def __init__(
        self, client: RedisClient, now: Callable[[], float] = time.time, commands_max: int = COMMANDS_MAX
    ) -> None:
        self._client, self._now, self._commands_max = client, now, commands_max
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def members(self, groups: Sequence[Group], now: int) -> list[tuple[Group, list[str]]]:
        """The connections of each group that are reachable at `now`, a shard at a time. Raises RedisFault."""
        shards = [(group, shard) for group in groups for shard in range(group.shards)]
        members: list[tuple[Group, list[str]]] = []
        epoch: str | None = None
        for start in range(0, len(shards), self._commands_max):
            batch = shards[start : start + self._commands_max]
            commands: list[Command] = [
                ("ZRANGE", members_key(group.group_id, shard), f"({now}", "+inf", "BYSCORE")
                for group, shard in batch
            ]
            epoch, replies = self._read(commands, epoch)
            members += [(group, ids) for (group, _), ids in zip(batch, replies, strict=True)]
        return members

    def groups(self, topic: str, now: int) -> tuple[list[Group], int] | None:
        """A topic's groups, and the time from which announcements must be added. Raises RedisFault.

        None if the index has no hash of the topic, or its last comparison is too old. The groups include
        those that expired less than an hour ago, because their expiry may have been extended meanwhile.
        """
        key = topic_key(topic)
        epoch, [[version, checked]] = self._read([("HMGET", key, VERSION, CHECKED)])
        if checked is None or not 0 <= now - int(checked) <= CHECKED_SECONDS_MAX:
            return None

        kept = self._kept.get(topic)
        if kept is None or not kept.is_current(epoch, version, now):
            _, [fields] = self._read([("HGETALL", key)], epoch)
            pairs = zip(fields[::2], fields[1::2], strict=True)
            decoded = [decode_group(topic, name, value) for name, value in pairs if name[0] != "@"]
            kept = self._kept[topic] = _Kept(epoch, version, now, decoded)
        self._kept.move_to_end(topic)
        if len(self._kept) > TOPICS_MAX:
            self._kept.popitem(last=False)

        ended = now - ANNOUNCEMENT_LIFETIME_SECONDS
        return [group for group, expires_at in kept.groups if expires_at > ended], int(checked)

    def _read(self, commands: Sequence[Command], epoch: str | None = None) -> tuple[str, list[Any]]:
        """Execute commands; returns the epoch of the index and the replies. Raises RedisFault.

        With `epoch`, the index must still have that epoch.
        """
        replies = self._client.execute([*STATUS_COMMANDS, *commands, *STATUS_COMMANDS])
        size = len(STATUS_COMMANDS)
        before, after = (verify_status(status, self._now()) for status in (replies[:size], replies[-size:]))
        if before != after or epoch not in {None, before}:
            raise RedisFault("changed", "the index was rebuilt while it was read")
        return before, replies[size:-size]
