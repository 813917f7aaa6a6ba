"""Shards grow with their group, so that no partition becomes hot."""

from collections import Counter

import pytest

from realtime_core.ids import shard_of
from realtime_core.subscriptions.base import SHARD_MEMBERS_AIM, SHARD_MEMBERS_MAX, shards_for

# Outside limit: a page of a query is 1 MB, and a membership takes about 95 bytes.
PAGE_MEMBERS = 11_000


def grown(size, between_events):
    """Grow a group; returns the members of each shard, and how many of the last tenth joined each.

    Members stay in their shard. Each event counts the members and may add shards.
    """
    shards, members, late = 1, Counter(), Counter()
    for number in range(size):
        if number % between_events == 0:
            shards = shards_for(members.total(), shards)
        shard = shard_of(f"L{number * 7919:014}=", shards)
        members[shard] += 1
        late[shard] += number >= size * 0.9
    return members, late


@pytest.mark.parametrize("between_events", [50, 500, 2_000])
def test_shards_of_a_group_of_100_000_fit_one_page_each(between_events):
    """The first shards are the fullest, but grow ever more slowly."""
    members, _ = grown(100_000, between_events)

    assert 100_000 / SHARD_MEMBERS_MAX <= len(members) <= 100_000 / SHARD_MEMBERS_AIM + 1
    assert max(members.values()) <= PAGE_MEMBERS


def test_new_members_are_distributed_evenly():
    members, late = grown(100_000, 500)

    even = late.total() / len(members)
    assert max(late.values()) < 1.5 * even
    assert min(late.values()) > even / 1.5


def test_a_group_gets_more_shards_when_one_would_be_too_large():
    assert (SHARD_MEMBERS_MAX, SHARD_MEMBERS_AIM) == (2_000, 1_000)
    assert shards_for(SHARD_MEMBERS_MAX, 1) == 1
    assert shards_for(SHARD_MEMBERS_MAX + 1, 1) == 3
    assert shards_for(3 * SHARD_MEMBERS_MAX, 3) == 3
    assert shards_for(0, 5) == 5
