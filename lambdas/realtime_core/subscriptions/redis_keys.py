"""How the fan-out index lies in Redis, and when it may be believed.

| key | type | |
| --- | --- | --- |
| `deals:g:<group id>#<shard>` | sorted set | connection ids by until when they are reachable, epoch seconds |
| `deals:t:<topic>` | hash | group id → `<expires> <shards> <filter>`; `@version` rises with each change |
| | | `@checked`: when it was last compared with the registry |
| `deals:meta` | hash | `state`, `epoch`, `server`, `format`, `started_at`, `built_at`, `tended_at` |
| `deals:index:topics` | set | the topics that have a hash |
| `deals:index:claims` | hash | memberships that are being brought up to date, and by whom |
| `deals:index:touched` | set | memberships that were brought up to date while the index is being built |
| `deals:index:lease` | string | who builds the index, with an expiry |

All of it can be made anew from the subscriptions table: docs/adr/0015-the-index-may-be-late-never-wrong.md.
"""

from __future__ import annotations

from typing import Any

from realtime_core.redis.client import Command
from realtime_core.redis.errors import RedisFault
from realtime_core.subscriptions.base import ANNOUNCEMENT_LIFETIME_SECONDS, Group

FORMAT = "1"
"""Of this layout. Who finds another one does not read it."""

META = "deals:meta"
MEMBERS = "deals:g:"
TOPIC = "deals:t:"
TOPICS = "deals:index:topics"
CLAIMS = "deals:index:claims"
TOUCHED = "deals:index:touched"
LEASE = "deals:index:lease"

VERSION = "@version"
CHECKED = "@checked"
"""When the topic's hash was last compared with the registry: it had all that was listed by then."""

UNTENDED_SECONDS = 5 * 60
"""An index that nobody has tended for so long may be that of a server which the others have left."""
CHECKED_SECONDS_MAX = ANNOUNCEMENT_LIFETIME_SECONDS - 10 * 60
"""How long ago a hash may have been compared: what was listed since is read from the announcements."""

LOOK: tuple[Command, ...] = (
    ("HMGET", META, "state", "epoch", "server", "format", "tended_at"),
    ("INFO", "server"),
    ("INFO", "replication"),
)
"""What `trusted` judges by. Asked before and after whatever is read, it tells of what was read between."""


def members_key(group_id: str, shard: int) -> str:
    """The key of the members of a group's shard."""
    return f"{MEMBERS}{group_id}#{shard}"


def topic_key(topic: str) -> str:
    """The key of a topic's groups."""
    return TOPIC + topic


def decode_group(topic: str, group_id: str, value: str) -> tuple[Group, int]:
    """A group of a topic's hash, and when it expires."""
    expires_at, shards, canonical_filter = value.split(" ", 2)
    return Group(group_id, topic, canonical_filter, int(shards)), int(expires_at)


def server_of(server: str, replication: str) -> str:
    """Which server answers, by two sections of INFO: another after a restart, and after a failover.

    A replica that was promoted, or a server that read an old snapshot, may lack writes that were
    acknowledged. Raises RedisFault from one that is no primary.
    """
    if _field(replication, "role") != "master":
        raise RedisFault("not_primary", "this server is a replica")
    # A service that keeps its run_id to itself still tells of a failover.
    return f"{_field(server, 'run_id', '')}:{_field(replication, 'master_replid')}"


def trusted(look: list[Any], now: float) -> str:
    """The epoch of an index that may be believed, by the answers to LOOK. Raises RedisFault for any other."""
    (state, epoch, server, layout, tended_at), server_info, replication = look
    answering = server_of(server_info, replication)
    if state != "ready" or not epoch or layout != FORMAT:
        raise RedisFault("not_ready", f"the index is {state or 'missing'}, format {layout or 'unknown'}")
    if server != answering:
        raise RedisFault("other_server", "the index was built on another server than answers")
    if now - int(tended_at or 0) > UNTENDED_SECONDS:
        raise RedisFault("untended", f"nobody has tended the index for {UNTENDED_SECONDS} s")
    return str(epoch)


def _field(info: str, name: str, default: str | None = None) -> str:
    at = info.find(f"\n{name}:")
    if at < 0:
        if default is None:
            raise RedisFault("protocol", f"INFO does not tell {name}")
        return default
    return info[at + len(name) + 2 :].partition("\r\n")[0]
