"""A client with a confirmed subscription receives the next event, from any publishing process."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcast.group_index import OVERLAP_SECONDS, REFRESH_SECONDS, TOPIC_BYTES, GroupIndex
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.filters.filters import Attributes
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import ANY, HOUR, LAPTOPS, NOW, PHONES, connection, match
from tests.matching_oracle import matching_groups

PHONE = Attributes({"category": "phones"}, {})


@pytest.fixture(params=["dynamo", "memory", "index"])
def stores(request):
    """The stores alone, and with an index in front of them."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.fixture
def index(stores):
    return GroupIndex(stores.subscriptions)


@pytest.fixture
def subscribe(stores):
    """Subscribe a new connection."""

    def act(connection_id, wanted, now=NOW, topic="a"):
        stores.connections.add(connection(connection_id, connected_at=now, token_exp=now + HOUR))
        stores.subscriptions.subscribe(connection_id, topic, wanted, now)

    return act


def matching(index, event=PHONE, now=NOW, topic="a"):
    return sorted((group.filter, group.shards) for group in match(index, topic, event, now))


def test_first_event_finds_the_matching_groups(index, subscribe):
    subscribe("c1", PHONES)
    subscribe("c2", LAPTOPS)
    subscribe("c3", ANY, topic="b")

    assert matching(index) == [(PHONES, 1)]
    assert matching(index, topic="b") == [(ANY, 1)]
    assert matching(index, topic="c") == []


@pytest.mark.parametrize("later", [0, 1, REFRESH_SECONDS - 1, REFRESH_SECONDS, 5 * HOUR])
def test_next_event_finds_a_new_subscription(index, subscribe, later):
    subscribe("c1", LAPTOPS)
    matching(index)

    subscribe("c2", PHONES, NOW + later)

    assert matching(index, now=NOW + later) == [(PHONES, 1)]


@pytest.mark.parametrize(
    ("later", "reads"), [(0, 1), (REFRESH_SECONDS - 1, 1), (REFRESH_SECONDS, 2), (-1, 2)]
)
def test_topic_is_read_again_after_a_while_or_when_the_clock_went_back(
    memory_stores, monkeypatch, later, reads
):
    subscriptions, read = memory_stores.subscriptions, []
    groups = subscriptions.groups
    monkeypatch.setattr(subscriptions, "groups", lambda *asked: read.append(asked) or groups(*asked))
    index = GroupIndex(subscriptions)
    matching(index)
    matching(index, now=NOW + later)
    assert len(read) == reads


def test_event_finds_a_subscription_by_a_clock_that_is_behind(index, subscribe):
    matching(index)
    subscribe("c2", PHONES, NOW - OVERLAP_SECONDS)

    assert matching(index) == [(PHONES, 1)]


def test_event_finds_new_shards(stores, index, subscribe):
    subscribe("c1", PHONES)
    matching(index)
    [group] = stores.subscriptions.groups("a", NOW)

    stores.subscriptions.add_shards(group, 3, NOW + 5)

    assert matching(index, now=NOW + 5) == [(PHONES, 3)]
    assert matching(index, now=NOW + 6) == [(PHONES, 3)]


def test_event_finds_a_subscription_to_a_group_that_had_expired(index, subscribe):
    subscribe("c1", PHONES)
    expired = NOW + 3 * HOUR + 1
    assert matching(index, now=expired) == []

    subscribe("c2", PHONES, expired + 1)

    assert matching(index, now=expired + 1) == [(PHONES, 1)]


def test_expired_groups_are_evicted(index, subscribe):
    subscribe("c1", PHONES, NOW)
    subscribe("c2", ANY, NOW + 2 * HOUR)
    for minutes in range(0, 3 * 60, 5):
        matching(index, now=NOW + minutes * 60)

    assert matching(index, now=NOW + 3 * HOUR + REFRESH_SECONDS) == [(ANY, 1)]


def test_event_after_an_outage_finds_new_subscriptions():
    connections = MemoryConnections()
    subscriptions = MemorySubscriptions(connections)
    index = GroupIndex(subscriptions)
    assert matching(index) == []
    subscriptions.down = True
    with pytest.raises(StoreUnavailable):
        matching(index, now=NOW + 300)
    subscriptions.down = False
    connections.add(connection())
    subscriptions.subscribe("c1", "a", PHONES, NOW + 150)

    assert matching(index, now=NOW + 300) == [(PHONES, 1)]


def test_least_recently_used_topics_are_evicted_and_read_again(subscribe, stores):
    index = GroupIndex(stores.subscriptions, bytes_max=2 * (TOPIC_BYTES + 3_000))
    for topic in "abc":
        subscribe(f"c-{topic}", PHONES, topic=topic)

    assert [matching(index, topic=topic) for topic in "abcabc"] == [[(PHONES, 1)]] * 6
    assert list(index._topics) == ["b", "c"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["subscribe", "subscribe", "event", "add_shards"]),
        st.integers(0, 4),
        st.sampled_from([0, 1, 30, 400, 700, 3 * HOUR]),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_index_agrees_with_the_registry_after_any_steps(steps):
    """Except for expired groups, which have no members."""
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
        elif step == "add_shards" and (groups := list(subscriptions.groups("a", now))):
            subscriptions.add_shards(groups[which % len(groups)], which, now)
        else:
            truth = set(matching_groups(subscriptions.groups("a", now), PHONE))
            matched = match(index, "a", PHONE, now)
            assert truth <= set(matched)
            assert all(is_empty(subscriptions, group, now) for group in set(matched) - truth)
            assert len(matched) == len({group.group_id for group in matched})


def is_empty(subscriptions, group: Group, now):
    return not any(members for _, members in subscriptions.members([group], now))
