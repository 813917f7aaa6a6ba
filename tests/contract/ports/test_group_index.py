"""Whoever was told that a subscription is in force gets the next event, whichever process publishes it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcast.group_index import OVERLAP_SECONDS, REFRESH_SECONDS, GroupIndex
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.filters.filters import Attributes
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.ports.cases import ANY, HOUR, LAPTOPS, NOW, PHONES, connection
from tests.matching_oracle import matching_groups

PHONE = Attributes({"category": "phones"}, {})


@pytest.fixture(params=["dynamo", "memory", "index"])
def stores(request):
    """Beside the stores alone, those with an index before them."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.fixture
def index(stores):
    return GroupIndex(stores.subscriptions)


@pytest.fixture
def subscribe(stores):
    """Subscribe a connection of its own."""

    def act(connection_id, wanted, now=NOW, topic="a"):
        stores.connections.add(connection(connection_id, connected_at=now, token_exp=now + HOUR))
        stores.subscriptions.subscribe(connection_id, topic, wanted, now)

    return act


def found(index, event=PHONE, now=NOW, topic="a"):
    return sorted((group.filter, group.shards) for group in index.matching(topic, event, now))


def test_first_event_finds_what_matches(index, subscribe):
    subscribe("c1", PHONES)
    subscribe("c2", LAPTOPS)
    subscribe("c3", ANY, topic="b")

    assert found(index) == [(PHONES, 1)]
    assert found(index, topic="b") == [(ANY, 1)]
    assert found(index, topic="c") == []


@pytest.mark.parametrize("later", [0, 1, REFRESH_SECONDS - 1, REFRESH_SECONDS, 5 * HOUR])
def test_next_event_finds_who_subscribed_since_the_last_one(index, subscribe, later):
    subscribe("c1", LAPTOPS)
    found(index)

    subscribe("c2", PHONES, NOW + later)

    assert found(index, now=NOW + later) == [(PHONES, 1)]


def test_event_finds_who_subscribed_by_a_clock_that_is_behind(index, subscribe):
    found(index)
    subscribe("c2", PHONES, NOW - OVERLAP_SECONDS)

    assert found(index) == [(PHONES, 1)]


def test_event_finds_shards_that_were_added_since_the_last_one(stores, index, subscribe):
    subscribe("c1", PHONES)
    found(index)
    [group] = stores.subscriptions.groups("a", NOW)

    stores.subscriptions.spread(group, 3, NOW + 5)

    assert found(index, now=NOW + 5) == [(PHONES, 3)]
    assert found(index, now=NOW + 6) == [(PHONES, 3)]


def test_event_finds_who_subscribed_to_a_group_that_had_ended(index, subscribe):
    subscribe("c1", PHONES)
    ended = NOW + 3 * HOUR + 1
    assert found(index, now=ended) == []

    subscribe("c2", PHONES, ended + 1)

    assert found(index, now=ended + 1) == [(PHONES, 1)]


def test_groups_that_have_ended_are_forgotten_in_time(index, subscribe):
    subscribe("c1", PHONES, NOW)
    subscribe("c2", ANY, NOW + 2 * HOUR)
    for minutes in range(0, 3 * 60, 5):
        found(index, now=NOW + minutes * 60)

    assert found(index, now=NOW + 3 * HOUR + REFRESH_SECONDS) == [(ANY, 1)]


def test_event_after_an_outage_finds_who_subscribed_meanwhile():
    connections = MemoryConnections()
    subscriptions = MemorySubscriptions(connections)
    index = GroupIndex(subscriptions)
    assert found(index) == []
    subscriptions.down = True
    with pytest.raises(StoreUnavailable):
        found(index, now=NOW + 300)
    subscriptions.down = False
    connections.add(connection())
    subscriptions.subscribe("c1", "a", PHONES, NOW + 150)

    assert found(index, now=NOW + 300) == [(PHONES, 1)]


def test_topics_used_longest_ago_go_first_and_come_back(subscribe, stores):
    index = GroupIndex(stores.subscriptions, groups_kept=4)
    for topic in "abc":
        subscribe(f"c-{topic}", PHONES, topic=topic)

    assert [found(index, topic=topic) for topic in "abcabc"] == [[(PHONES, 1)]] * 6
    assert list(index._topics) == ["b", "c"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["subscribe", "subscribe", "event", "spread"]),
        st.integers(0, 4),
        st.sampled_from([0, 1, 30, 400, 700, 3 * HOUR]),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_index_agrees_with_the_registry_whatever_happens(steps):
    """Except for groups that have ended: they have nobody."""
    connections = MemoryConnections()
    subscriptions = MemorySubscriptions(connections)
    index = GroupIndex(subscriptions)
    now = NOW
    for number, (step, which, wait) in enumerate(steps):
        now += wait
        if step == "subscribe":
            connections.add(connection(f"c{number}", connected_at=now, token_exp=now + HOUR))
            subscriptions.subscribe(
                f"c{number}", "a", (ANY, PHONES, LAPTOPS, '{"x":1}', '{"x":2}')[which], now
            )
        elif step == "spread" and (groups := subscriptions.groups("a", now)):
            subscriptions.spread(groups[which % len(groups)], which, now)
        else:
            truth = set(matching_groups(subscriptions.groups("a", now), PHONE))
            matched = index.matching("a", PHONE, now)
            assert truth <= set(matched)
            assert all(is_deserted(subscriptions, group, now) for group in set(matched) - truth)
            assert len(matched) == len({group.group_id for group in matched})


def is_deserted(subscriptions, group: Group, now):
    return not any(members for _, members in subscriptions.members([group], now))
