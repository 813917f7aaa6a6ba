from functools import partial

import pytest

from broadcast import indexed_subscriptions
from realtime_core.errors import ConnectionUnknown, SubscriptionFailed
from realtime_core.filters.filters import Attributes, load_filter, parse_filter
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import (
    ANY,
    DAY,
    HOUR,
    LAPTOPS,
    NOW,
    PHONES,
    at_once,
    connection,
    member_ids,
    reachable_until,
)
from tests.contract.support.watched_clients import paged, watching


@pytest.fixture(params=["dynamo", "memory", "late", "index"])
def stores(request):
    """The stores alone, and with an index in front of them, which is up to date or late."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.fixture
def ann(stores):
    """A user with the connection c1."""
    stores.connections.add(connection())


def test_subscribe_makes_the_connection_a_member(stores, ann):
    after = stores.subscriptions.subscribe("c1", "electronics", PHONES, NOW)

    [group] = stores.subscriptions.groups("electronics", NOW)
    assert (group.topic, group.filter, group.shards) == ("electronics", PHONES, 1)
    assert after.subscriptions["electronics"].group_id == group.group_id
    assert list(stores.subscriptions.members([group], NOW)) == [(group, ["c1"])]
    assert reachable_until(stores, "electronics") == NOW + HOUR


def test_subscribe_without_a_record_raises(stores):
    with pytest.raises(ConnectionUnknown, match="reconnect"):
        stores.subscriptions.subscribe("nobody", "all-deals", ANY, NOW)
    assert member_ids(stores, "all-deals") == []


def test_subscribe_again_with_the_same_filter_changes_nothing(stores, ann):
    first = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)

    assert stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW + 60) == first
    assert member_ids(stores, "all-deals") == ["c1"]


def test_subscribe_with_another_filter_moves_the_membership(stores, ann):
    stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)
    after = stores.subscriptions.subscribe("c1", "all-deals", LAPTOPS, NOW)

    members = {
        group.filter: [item for _, batch in stores.subscriptions.members([group], NOW) for item in batch]
        for group in stores.subscriptions.groups("all-deals", NOW)
    }
    assert members == {PHONES: [], LAPTOPS: ["c1"]}
    assert stores.connections.get("c1") == after


def test_equal_subscriptions_share_a_group_and_others_do_not(stores):
    for number, (topic, wanted) in enumerate([("a", PHONES), ("a", PHONES), ("a", LAPTOPS), ("b", PHONES)]):
        stores.connections.add(connection(f"c{number}"))
        stores.subscriptions.subscribe(f"c{number}", topic, wanted, NOW)

    assert len(list(stores.subscriptions.groups("a", NOW))) == 2
    assert member_ids(stores, "a") == ["c0", "c1", "c2"]
    assert member_ids(stores, "b") == ["c3"]
    assert member_ids(stores, "c") == []


def test_subscribe_beyond_the_maximum_raises_but_replacing_does_not(stores, ann):
    for number in range(50):
        stores.subscriptions.subscribe("c1", f"t{number}", ANY, NOW)

    with pytest.raises(SubscriptionFailed, match="50"):
        stores.subscriptions.subscribe("c1", "t50", ANY, NOW)
    assert member_ids(stores, "t50") == []

    stores.subscriptions.subscribe("c1", "t7", PHONES, NOW)
    assert len(stores.connections.get("c1").subscriptions) == 50
    stores.subscriptions.unsubscribe("c1", "t0")
    stores.subscriptions.subscribe("c1", "t50", ANY, NOW)
    assert member_ids(stores, "t50") == ["c1"]


def test_subscribe_beyond_the_size_limit_raises_but_replacing_by_less_does_not(stores, ann):
    large = '{"a":"%s"}' % ("x" * 4_000)
    for number in range(24):
        stores.subscriptions.subscribe("c1", f"t{number}", large, NOW)

    with pytest.raises(SubscriptionFailed, match="98304"):
        stores.subscriptions.subscribe("c1", "t24", large, NOW)
    assert member_ids(stores, "t24") == []

    stores.subscriptions.subscribe("c1", "t7", ANY, NOW)
    stores.subscriptions.subscribe("c1", "t24", large, NOW)
    assert member_ids(stores, "t24") == ["c1"]


def test_unsubscribe_removes_one_membership(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.subscriptions.subscribe("c1", "b", ANY, NOW)

    stores.subscriptions.unsubscribe("c1", "a")

    assert member_ids(stores, "a") == []
    assert member_ids(stores, "b") == ["c1"]
    assert list(stores.connections.get("c1").subscriptions) == ["b"]


def test_unsubscribe_without_a_subscription_changes_none(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.subscriptions.unsubscribe("c1", "all-deals")

    assert list(stores.connections.get("c1").subscriptions) == ["a"]
    assert member_ids(stores, "a", "all-deals") == ["c1"]


def test_unsubscribe_without_a_record_raises(stores):
    with pytest.raises(ConnectionUnknown):
        stores.subscriptions.unsubscribe("nobody", "all-deals")


def test_remove_members_removes_all_memberships_of_the_connections(stores):
    topics = [f"t{number}" for number in range(30)]
    for connection_id in ("c1", "c2", "c3"):
        stores.connections.add(connection(connection_id))
        for topic in topics:
            stores.subscriptions.subscribe(connection_id, topic, ANY, NOW)
    gone = [stores.connections.remove("c1"), stores.connections.remove("c2")]

    stores.subscriptions.remove_members(gone)

    assert member_ids(stores, *topics) == ["c3"] * 30
    stores.subscriptions.remove_members(gone)
    stores.subscriptions.remove_members([])


def test_remove_members_of_a_repeated_record_removes_its_memberships(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    gone = stores.connections.remove("c1")

    stores.subscriptions.remove_members([gone, gone])

    assert member_ids(stores, "a") == []


def test_extend_copies_the_expiry_to_every_membership(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.subscriptions.subscribe("c1", "b", ANY, NOW)

    stores.subscriptions.extend(stores.connections.extend("c1", NOW + 2 * HOUR))

    assert reachable_until(stores, "a") == reachable_until(stores, "b") == NOW + 2 * HOUR


def test_extend_does_not_restore_a_removed_membership(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    refreshed = stores.connections.extend("c1", NOW + 2 * HOUR)
    stores.subscriptions.unsubscribe("c1", "a")

    stores.subscriptions.extend(refreshed)

    assert member_ids(stores, "a") == []


def test_extend_with_an_older_record_changes_nothing(stores, ann):
    older = stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.subscriptions.extend(stores.connections.extend("c1", NOW + 2 * HOUR))

    stores.subscriptions.extend(older)

    assert reachable_until(stores, "a") == NOW + 2 * HOUR


def test_extend_shortens_only_what_is_said_to_be_shortened_and_still_is(stores, ann):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.connections.extend("c1", NOW + 600, NOW, instead_of=stores.connections.get("c1"))
    shorter = stores.connections.get("c1")

    stores.subscriptions.extend(shorter)
    assert reachable_until(stores, "a") == NOW + HOUR
    stores.subscriptions.extend(shorter, shortened=True)
    assert reachable_until(stores, "a") == NOW + 600

    stores.subscriptions.extend(stores.connections.extend("c1", NOW + 2 * HOUR, NOW + 1))
    stores.subscriptions.extend(shorter, shortened=True)
    assert reachable_until(stores, "a") == NOW + 2 * HOUR, "a later refresh came first"


def test_member_is_reachable_no_longer_than_its_record(stores):
    stores.connections.add(connection(token_exp=NOW + 30 * DAY))
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    until = reachable_until(stores, "a")

    assert NOW + CONNECTION_LIFETIME_SECONDS <= until <= NOW + CONNECTION_LIFETIME_SECONDS + 600


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


def test_members_are_returned_group_by_group(stores):
    for number in range(30):
        stores.connections.add(connection(f"c{number}"))
        stores.subscriptions.subscribe(f"c{number}", "a", f'{{"x":{number % 12}}}', NOW)
    groups = list(stores.subscriptions.groups("a", NOW))

    batches = list(stores.subscriptions.members(groups, NOW))

    assert len(groups) == 12
    assert [group for group, _ in batches] == groups
    assert sorted(item for _, members in batches for item in members) == sorted(f"c{n}" for n in range(30))


def test_members_of_no_group_are_empty(stores):
    assert list(stores.subscriptions.members([], NOW)) == []


@pytest.mark.parametrize("shards", [1, 3])
def test_members_and_groups_are_read_to_their_last_page(dynamodb, dynamo_stores, shards):
    for number in range(20):
        dynamo_stores.connections.add(connection(f"c{number}"))
        dynamo_stores.subscriptions.subscribe(f"c{number}", "a", ANY, NOW)
        for group in dynamo_stores.subscriptions.groups("a", NOW):
            dynamo_stores.subscriptions.add_shards(group, shards, NOW)
    dynamo_stores.subscriptions.subscribe("c0", "a", PHONES, NOW)

    with paged(dynamodb, 1):
        assert len(list(dynamo_stores.subscriptions.groups("a", NOW))) == 2
    with paged(dynamodb, 3):
        assert member_ids(dynamo_stores, "a") == sorted(f"c{number}" for number in range(20))


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


def pages(stores, *topics, **how):
    groups = [group for topic in topics for group in stores.subscriptions.groups(topic, NOW)]
    return list(stores.subscriptions.member_pages(groups, NOW, **how))


def joined(stores, *connection_ids, wanted=ANY, at_ms=None, **of_connection):
    for connection_id in connection_ids:
        stores.connections.add(connection(connection_id, **of_connection))
        stores.subscriptions.subscribe(connection_id, "books", wanted, NOW, received_ms=at_ms)


@pytest.fixture
def pages_of_two(request, stores):
    """Every page has two members at most."""
    if isinstance(stores.subscriptions, MemorySubscriptions):
        stores.subscriptions.page_members = 2
        yield
    else:
        with paged(request.getfixturevalue("dynamodb"), 2):
            yield


def test_pages_of_members_go_on_from_every_place(stores, pages_of_two):
    joined(stores, *[f"c{number}" for number in range(7)])
    joined(stores, "p1", "p2", "p3", wanted=PHONES)
    joined(stores, "expired", token_exp=NOW)
    [large] = [group for group in stores.subscriptions.groups("books", NOW) if group.filter == ANY]
    stores.subscriptions.add_shards(large, 3, NOW)
    joined(stores, *[f"d{number}" for number in range(9)])

    whole = pages(stores, "books")
    everybody = [item for page in whole for item in page.connection_ids]
    assert len(everybody) == len(set(everybody)) == 19
    assert [page.place[:2] for page in whole] == sorted(page.place[:2] for page in whole)
    assert any(page.place.connection_id for page in whole)
    for number, page in enumerate(whole):
        rest = [item for other in whole[number + 1 :] for item in other.connection_ids]
        found = pages(stores, "books", after=page.place)
        assert [item for other in found for item in other.connection_ids] == rest
        before = pages(stores, "books", until=page.place)
        assert {item for other in before for item in other.connection_ids} >= set(everybody) - set(rest)
        assert all(other.place[:2] <= page.place[:2] for other in before)


def test_pages_of_members_that_joined_before_a_time(stores):
    joined(stores, "early", at_ms=5_000)
    joined(stores, "late", at_ms=6_000)
    joined(stores, "unknown")
    [page] = pages(stores, "books", joined_before_ms=6_000)
    assert page.connection_ids == ["early"]
    [page] = pages(stores, "books")
    assert sorted(page.connection_ids) == ["early", "late", "unknown"]


def test_a_member_that_changes_its_filter_has_joined_then(stores):
    joined(stores, "c1", at_ms=5_000)
    stores.subscriptions.subscribe("c1", "books", PHONES, NOW, received_ms=7_000)
    before = pages(stores, "books", joined_before_ms=7_000)
    assert [item for page in before for item in page.connection_ids] == []
    after = pages(stores, "books", joined_before_ms=7_001)
    assert [item for page in after for item in page.connection_ids] == ["c1"]


def test_members_of_many_groups_are_read_in_parts(stores, monkeypatch):
    monkeypatch.setattr(indexed_subscriptions, "PART_SHARDS", 2)
    for number in range(7):
        joined(stores, f"c{number}", f"d{number}", wanted=f'{{"maxPrice":{number}}}')
    assert member_ids(stores, "books") == sorted(f"{letter}{n}" for letter in "cd" for n in range(7))
