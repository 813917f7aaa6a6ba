"""The layout of the fan-out index in Redis, and the check that it can be used.

| key | type | |
| --- | --- | --- |
| `deals:g:<group id>#<shard>` | sorted set | connection ids, scored by until when each is reachable |
| `deals:t:<topic>` | hash | group id → `<expires> <shards> <filter>`; `@version`: unique in the epoch, |
| | | another one for each group that is new, ends, comes back or gets more shards |
| | | `@checked`: when it was last compared with the registry |
| `deals:meta` | hash | `state`, `epoch`, `server`, `format`, `started_at`, `built_at`, `tended_at`; |
| | | `versions`: how many versions topics have had |
| `deals:index:topics` | set | the topics that have a hash |
| `deals:index:claims` | hash | memberships that are being updated, and by whom |
| `deals:index:touched` | set | memberships that were updated during a rebuild |
| `deals:index:lease` | string | who rebuilds the index, with an expiry |

The whole index can be rebuilt from the subscriptions table:
docs/adr/0015-the-index-may-be-late-never-wrong.md.
"""

from __future__ import annotations

from typing import Any

from realtime_core.redis.client import Command
from realtime_core.redis.errors import RedisFault
from realtime_core.subscriptions.base import ANNOUNCEMENT_LIFETIME_SECONDS, Group

FORMAT = "2"
"""The version of this layout. Readers ignore an index of another version. In 1 a topic's versions started
from 1 when it was removed and made again."""

META = "deals:meta"
MEMBERS = "deals:g:"
TOPIC = "deals:t:"
TOPICS = "deals:index:topics"
CLAIMS = "deals:index:claims"
TOUCHED = "deals:index:touched"
LEASE = "deals:index:lease"

VERSION = "@version"
"""For readers of earlier releases, which keep a topic's groups while it stays the same."""
CHECKED = "@checked"
"""When the topic's hash was last compared with the registry: it had every group listed by then."""

MAINTENANCE_SECONDS_MAX = 5 * 60
"""How old the last maintenance may be. An older index may be on a server that was replaced."""
CHECKED_SECONDS_MAX = ANNOUNCEMENT_LIFETIME_SECONDS - 10 * 60
"""How old the comparison may be: groups that were listed since are read from the announcements."""

STATUS_COMMANDS: tuple[Command, ...] = (
    ("HMGET", META, "state", "epoch", "server", "format", "tended_at"),
    ("INFO", "server"),
    ("INFO", "replication"),
)
"""The commands whose replies `verify_status` checks. Readers send them before and after their own."""


def members_key(group_id: str, shard: int) -> str:
    """The key of the members of a group's shard."""
    return f"{MEMBERS}{group_id}#{shard}"


def topic_key(topic: str) -> str:
    """The key of a topic's groups."""
    return TOPIC + topic


def decode_group(topic: str, group_id: str, value: str) -> tuple[Group, int]:
    """The group of a field of a topic's hash, and when it expires, epoch seconds."""
    expires_at, shards, canonical_filter = value.split(" ", 2)
    return Group(group_id, topic, canonical_filter, int(shards)), int(expires_at)


def server_of(server: str, replication: str) -> str:
    """The identity of a server, from two sections of INFO; it changes with a restart or a failover.

    A promoted replica, or a server that loaded an old snapshot, may lack acknowledged writes. Raises
    RedisFault if the server is not a primary.
    """
    if _field(replication, "role") != "master":
        raise RedisFault("not_primary", "this server is a replica")
    # A managed service may hide run_id; master_replid still changes with a failover.
    return f"{_field(server, 'run_id', '')}:{_field(replication, 'master_replid')}"


def verify_status(replies: list[Any], now: float) -> str:
    """The epoch of the index, from the replies to STATUS_COMMANDS. Raises RedisFault if it cannot be used."""
    (state, epoch, built_on, layout, tended_at), server_info, replication = replies
    server = server_of(server_info, replication)
    if state != "ready" or not epoch or layout != FORMAT:
        raise RedisFault("not_ready", f"the index is {state or 'missing'}, format {layout or 'unknown'}")
    if server != built_on:
        raise RedisFault("other_server", "the index was built on another server")
    if now - int(tended_at or 0) > MAINTENANCE_SECONDS_MAX:
        raise RedisFault("untended", f"the index has had no maintenance for {MAINTENANCE_SECONDS_MAX} s")
    return str(epoch)


def _field(info: str, name: str, default: str | None = None) -> str:
    at = info.find(f"\n{name}:")
    if at < 0:
        if default is None:
            raise RedisFault("protocol", f"INFO has no field {name}")
        return default
    return info[at + len(name) + 2 :].partition("\r\n")[0]
