"""Who becomes a member, stays one and is one no more."""

import pytest

from realtime_core.errors import ConnectionUnknown, SubscriptionFailed
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from tests.contract.support.cases import (
    ANY,
    DAY,
    HOUR,
    LAPTOPS,
    NOW,
    PHONES,
    connection,
    member_ids,
    reachable_until,
)


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
