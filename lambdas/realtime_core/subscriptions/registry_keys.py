"""The partitions of the registry: where the groups of a topic are listed.

A topic with few groups has one partition. One with many has PARTITIONS, of which the first is the same: it
keeps the groups that were listed before, an item that tells how many there are (`PARTITIONS_KEY`), and its
share of the new groups. Outside limit: a partition of DynamoDB serves 3,000 read units and 1,000 write units
a second, and a full read of 100,000 groups takes about 7,500.
"""

from __future__ import annotations

import zlib

PARTITIONS = 16
"""Of a topic with many groups."""
GROUPS_MAX = 1_000
"""How many groups a topic lists in one partition: about a page of 1 MB, with ordinary filters."""

PARTITIONS_KEY = "#partitions"
"""The sort key of the item with the number of partitions: sorts before the ids of groups."""


def registry_pk(topic: str, partition: int = 0) -> str:
    """The partition key of a topic's groups."""
    return f"t#{topic}#{partition}" if partition else f"t#{topic}"


def partition_of(group_id: str, partitions: int) -> int:
    """Where a group is listed among so many partitions, unless it was listed before there were so many."""
    return zlib.crc32(group_id.encode()) % partitions


def topic_of(registry_pk: str) -> str:
    """The topic of a partition key."""
    return registry_pk.split("#")[1]
