"""The reader of the fan-out index in Redis: the members of groups, and the groups of a topic.

Each pipeline begins and ends with the status commands. The replies in between are used only if both find the
index ready, of the same epoch, and on the server that it was built on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.redis.errors import RedisFault
from realtime_core.subscriptions.base import ANNOUNCEMENT_LIFETIME_SECONDS
from realtime_core.subscriptions.redis_keys import (
    CHECKED,
    CHECKED_SECONDS_MAX,
    STATUS_COMMANDS,
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
PAGE_GROUPS = 250
"""About how many groups are read at once: 1 MB, if all have the largest filter."""
FIRST = "0"
"""The cursor of a scan that begins, and of one that has ended."""


class GroupsPage(NamedTuple):
    """Some groups of a topic."""

    groups: list[Group]
    epoch: str
    checked_at: int
    """Announcements from then on must be added, epoch seconds; they are to be read after the last page."""
    cursor: str
    """Where the next page begins; FIRST after the last one."""


class RedisIndex:
    """The index that `index_projector` maintains. `now` returns the time in epoch seconds."""

    def __init__(
        self, client: RedisClient, now: Callable[[], float] = time.time, commands_max: int = COMMANDS_MAX
    ) -> None:
        self._client, self._now, self._commands_max = client, now, commands_max

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

    def groups(self, topic: str, now: int, after: GroupsPage | None = None) -> GroupsPage | None:
        """The first page of a topic's groups, or the one `after` another. Raises RedisFault.

        None if the index has no hash of the topic, or its last comparison is too old. The groups include
        those that expired less than an hour ago, because their expiry may have been extended meanwhile. A
        group that is listed all the while is on a page, maybe on two; a topic is removed without groups only.
        """
        key, cursor = topic_key(topic), after.cursor if after else FIRST
        epoch, [[checked], [next_cursor, fields]] = self._read(
            [("HMGET", key, CHECKED), ("HSCAN", key, cursor, "COUNT", PAGE_GROUPS)],
            after.epoch if after else None,
        )
        if after is None and (checked is None or not 0 <= now - int(checked) <= CHECKED_SECONDS_MAX):
            return None

        ended = now - ANNOUNCEMENT_LIFETIME_SECONDS
        pairs = zip(fields[::2], fields[1::2], strict=True)
        decoded = [decode_group(topic, name, value) for name, value in pairs if name[0] != "@"]
        groups = [group for group, expires_at in decoded if expires_at > ended]
        return GroupsPage(groups, epoch, after.checked_at if after else int(checked), next_cursor)

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
