"""Identifiers: from a time and random bytes, or derived, so that every process computes the same."""

from __future__ import annotations

import base64
import hashlib
import zlib
from functools import lru_cache

ENTROPY_BYTES = 10
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_MS_MAX = 2**48 - 1
GROUPS_CACHED_MAX = 1_024
"""Ids of groups that a process keeps: the topics and filters that are subscribed to most."""


def new_message_id(now_ms: int, entropy: bytes) -> str:
    """A ULID: 48 bits of epoch milliseconds, then 80 bits of entropy. Ids sort as text by time.

    `entropy` has at least 10 bytes, of which the first 10 are used.
    """
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"entropy must be at least {ENTROPY_BYTES} bytes, not {len(entropy)}")
    if not 0 <= now_ms <= _TIME_MS_MAX:
        raise ValueError(f"now_ms must be from 0 to {_TIME_MS_MAX}, not {now_ms}")
    number = now_ms << 80 | int.from_bytes(entropy[:ENTROPY_BYTES], "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def event_entropy(event_id: str) -> bytes:
    """Entropy for `new_message_id` that is the same for every repeat of an event."""
    return hashlib.sha256(event_id.encode()).digest()[:ENTROPY_BYTES]


@lru_cache(maxsize=GROUPS_CACHED_MAX)
def group_id(topic: str, canonical_filter: str) -> str:
    """The id of the group of equal subscriptions: 120 bits of a hash, as 20 characters."""
    digest = hashlib.sha256(f"{topic}\n{canonical_filter}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:15]).decode()


def shard_of(connection_id: str, shards: int) -> int:
    """The shard of a connection, from 0 to `shards` - 1: evenly distributed and the same in every process."""
    return zlib.crc32(connection_id.encode()) % shards
