"""What moves from the table into the index: memberships of connections, and listings of groups."""

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
        """The partition key of its item in the table."""
        return member_pk(self.group_id, self.shard)

    @property
    def key(self) -> str:
        """The sorted set of its shard in Redis.

        Each shard has its own: in one set for the whole group, the end of a membership in one shard would be
        confused with its new beginning in another.
        """
        return members_key(self.group_id, self.shard)

    @property
    def field(self) -> str:
        """Its field in the hash of claims."""
        return f"{self.key} {self.connection_id}"


class Listing(NamedTuple):
    """A group of a topic, as the registry lists it."""

    topic: str
    group_id: str
    expires_at: int
    shards: int
    filter: str


def parse_membership(pk: str, connection_id: str) -> Membership:
    """The membership of an item's key. Raises ValueError if the key is not a membership's."""
    kind, group_id, shard = pk.split("#")
    if kind != "g" or not group_id or not connection_id:
        raise ValueError(f"{pk!r} is no partition of members")
    return Membership(group_id, int(shard), connection_id)
