"""Groups of equal subscriptions: which are listed, announced, given shards, and how long."""

from functools import partial

import pytest

from realtime_core.filters.filters import Attributes, load_filter, parse_filter
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.subscriptions.base import Group
from tests.contract.support.cases import (
    ANY,
    HOUR,
    LAPTOPS,
    NOW,
    PHONES,
    at_once,
    connection,
    member_ids,
)
from tests.contract.support.watched_clients import watching


def test_equal_subscriptions_share_a_group_and_others_do_not(stores):
    for number, (topic, wanted) in enumerate([("a", PHONES), ("a", PHONES), ("a", LAPTOPS), ("b", PHONES)]):
        stores.connections.add(connection(f"c{number}"))
        stores.subscriptions.subscribe(f"c{number}", topic, wanted, NOW)

    assert len(list(stores.subscriptions.groups("a", NOW))) == 2
    assert member_ids(stores, "a") == ["c0", "c1", "c2"]
    assert member_ids(stores, "b") == ["c3"]
    assert member_ids(stores, "c") == []


def test_group_stays_listed_for_the_lifetime_of_its_last_subscriber(stores):
    late = NOW + 3 * HOUR
    stores.connections.add(connection("c1"))
    stores.connections.add(connection("c2", connected_at=late))
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.subscriptions.subscribe("c2", "a", ANY, late)

    assert len(list(stores.subscriptions.groups("a", late + CONNECTION_LIFETIME_SECONDS + 600))) == 1
    assert list(stores.subscriptions.groups("a", late + 3 * HOUR + 1)) == []


@pytest.mark.parametrize("after", [60, 9 * 60, 11 * 60])
def test_group_stays_listed_for_a_subscriber_soon_after_another(stores, after):
    stores.connections.add(connection("c1"))
    stores.connections.add(connection("c2", connected_at=NOW + after))
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.subscriptions.subscribe("c2", "a", ANY, NOW + after)

    assert len(list(stores.subscriptions.groups("a", NOW + after + CONNECTION_LIFETIME_SECONDS + 600))) == 1


def test_add_shards_distributes_new_members_and_keeps_the_others(stores):
    for number in range(40):
        stores.connections.add(connection(f"c{number}"))
    for number in range(20):
        stores.subscriptions.subscribe(f"c{number}", "a", ANY, NOW)
    [group] = stores.subscriptions.groups("a", NOW)

    stores.subscriptions.add_shards(group, 4, NOW)
    shards = {
        stores.subscriptions.subscribe(f"c{number}", "a", ANY, NOW).subscriptions["a"].shard
        for number in range(20, 40)
    }

    assert shards == {0, 1, 2, 3}
    assert [group.shards for group in stores.subscriptions.groups("a", NOW)] == [4]
    assert member_ids(stores, "a") == sorted(f"c{number}" for number in range(40))


def test_add_shards_of_fewer_or_to_an_unknown_group_does_nothing(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    [group] = stores.subscriptions.groups("a", NOW)
    stores.subscriptions.add_shards(group, 4, NOW)

    stores.subscriptions.add_shards(group, 2, NOW)
    stores.subscriptions.add_shards(Group("unknown", "b", ANY), 2, NOW)

    assert [group.shards for group in stores.subscriptions.groups("a", NOW)] == [4]
    assert list(stores.subscriptions.groups("b", NOW)) == []


def announced(stores, topic, since):
    """The announced groups, as a set of filters with their shards."""
    return {(item.filter, item.shards) for item in stores.subscriptions.announced(topic, since)}


def test_group_is_announced_only_when_it_is_new(stores):
    for number in range(3):
        stores.connections.add(connection(f"c{number}"))
    stores.subscriptions.subscribe("c0", "a", PHONES, NOW)
    stores.subscriptions.subscribe("c1", "a", PHONES, NOW + 30 * 60)
    stores.subscriptions.subscribe("c2", "a", LAPTOPS, NOW + 30 * 60)
    stores.subscriptions.subscribe("c2", "b", PHONES, NOW + 30 * 60)

    assert announced(stores, "a", NOW) == {(PHONES, 1), (LAPTOPS, 1)}
    assert announced(stores, "a", NOW + 1) == {(LAPTOPS, 1)}
    assert announced(stores, "a", NOW + 31 * 60) == set()
    assert set(stores.subscriptions.announced("a", NOW)) == set(stores.subscriptions.groups("a", NOW))


def test_texts_of_many_long_filters_are_read_fifty_at_a_time(dynamodb, dynamo_stores):
    """A text may be in either of two partitions, and DynamoDB reads a hundred items together."""
    subscriptions, texts = dynamo_stores.subscriptions, []
    for number in range(60):
        dynamo_stores.connections.add(connection(f"c{number}"))
        texts.append(parse_filter({"title": ["x" * 200, "y" * 200, f"{number:0200}"]}).canonical)
        subscriptions.subscribe(f"c{number}", "a", texts[-1], NOW)
    with watching(dynamodb) as watch:
        found = subscriptions.announced("a", NOW)
    assert sorted(group.filter for group in found) == sorted(texts)
    assert watch.calls["BatchGetItem"] == 2, "of a hundred keys at most"


def test_long_filter_is_announced_without_its_text_which_is_read_once(dynamodb, dynamo_stores):
    """Announcements are read for each event, so those who choose filters must not choose their size."""
    dynamo_stores.connections.add(connection())
    subscriptions = dynamo_stores.subscriptions
    long = parse_filter({"title": ["x" * 200, "y" * 200, "z" * 200]}).canonical
    subscriptions.subscribe("c1", "a", long, NOW)
    subscriptions.subscribe("c1", "b", PHONES, NOW)

    with watching(dynamodb) as watch:
        [group] = subscriptions.announced("a", NOW)
    assert (group.filter, watch.reads) == (long, 2)
    with watching(dynamodb) as watch:
        assert subscriptions.announced("a", NOW, {group.group_id: group}.get) == [group]
    assert watch.reads == 1
    with watching(dynamodb) as watch:
        assert [item.filter for item in subscriptions.announced("b", NOW)] == [PHONES]
    assert watch.reads == 1, "a short one comes with its text"

    [item] = dynamodb.query(
        TableName="subscriptions",
        KeyConditionExpression="pk = :topic AND begins_with(sk, :digit)",
        ExpressionAttributeValues={":topic": {"S": "n#a"}, ":digit": {"S": "0"}},
    )["Items"]
    earlier_release = load_filter(item["f"]["S"])
    assert not earlier_release.matches(Attributes({}, {"title": "x" * 200})), "which reads no other text"
    assert len(item["f"]["S"]) < 100


@pytest.mark.parametrize("before_its_expiry", [-24 * HOUR, -1, 0, 60])
def test_group_that_has_expired_or_will_soon_is_announced_again(stores, before_its_expiry):
    """A reader may have dropped it already, because clocks differ."""
    later = NOW + 3 * HOUR - before_its_expiry
    stores.connections.add(connection("c1"))
    stores.connections.add(connection("c2", connected_at=later))
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    stores.subscriptions.subscribe("c2", "a", ANY, later)

    assert announced(stores, "a", later) == {(ANY, 1)}
    assert len(list(stores.subscriptions.groups("a", later + CONNECTION_LIFETIME_SECONDS))) == 1


def test_added_shards_are_announced_and_outlive_the_expiry_of_the_group(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    [group] = stores.subscriptions.groups("a", NOW)
    stores.subscriptions.add_shards(group, 4, NOW + 60)
    assert announced(stores, "a", NOW + 60) == {(ANY, 4)}

    later = NOW + 4 * HOUR
    stores.connections.add(connection("c2", connected_at=later))
    stores.subscriptions.subscribe("c2", "a", ANY, later)

    assert announced(stores, "a", later) == {(ANY, 4)}


def test_concurrent_subscribes_list_a_group_once(stores):
    for number in range(6):
        stores.connections.add(connection(f"c{number}"))

    at_once(*[partial(stores.subscriptions.subscribe, f"c{number}", "a", ANY, NOW) for number in range(6)])

    assert [(item.filter, item.shards) for item in stores.subscriptions.groups("a", NOW)] == [(ANY, 1)]
    assert announced(stores, "a", NOW) == {(ANY, 1)}
    assert member_ids(stores, "a") == [f"c{number}" for number in range(6)]
