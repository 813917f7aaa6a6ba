"""What is moved from the table into the index: one connection in one shard of a group."""

from __future__ import annotations

from typing import NamedTuple

from realtime_core.subscriptions.dynamodb_members import member_pk
from realtime_core.subscriptions.redis_keys import members_key


class Membership(NamedTuple):
    """A connection that is, or was, in a shard of a group."""

    group_id: str
    shard: int
    connection_id: str

    @property
    def pk(self) -> str:
        """The partition of its item."""
        return member_pk(self.group_id, self.shard)

    @property
    def key(self) -> str:
        """The sorted set that it belongs in."""
        return members_key(self.group_id, self.shard)

    @property
    def field(self) -> str:
        """By what it is known where the index says what is being worked on."""
        return f"{self.key} {self.connection_id}"


class Listing(NamedTuple):
    """A group of a topic, as the registry lists it."""

    topic: str
    group_id: str
    expires_at: int
    shards: int
    filter: str


def membership(pk: str, connection_id: str) -> Membership:
    """The membership of an item's key. Raises ValueError where it is none."""
    kind, group_id, shard = pk.split("#")
    if kind != "g" or not group_id or not connection_id:
        raise ValueError(f"{pk!r} is no partition of members")
    return Membership(group_id, int(shard), connection_id)
