"""Concurrent operations, and changes between the calls of an operation."""

from functools import partial

import pytest

from realtime_core.errors import ConnectionUnknown, SubscriptionFailed
from tests.contract.support.cases import (
    ANY,
    HOUR,
    LAPTOPS,
    NOW,
    PHONES,
    at_once,
    connection,
    member_ids,
    reachable_until,
)
from tests.contract.support.watched_clients import before_next

ROUNDS = range(15)


@pytest.fixture(params=["dynamo", "memory", "index"])
def stores(request):
    """The stores alone, and with an index in front of them."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.mark.parametrize("number", ROUNDS)
def test_subscribe_concurrent_with_remove_leaves_no_orphan(stores, number):
    stores.connections.add(connection())
    subscribe = partial(stores.subscriptions.subscribe, "c1", "a", ANY, NOW)

    subscribed, record = at_once(subscribe, partial(stores.connections.remove, "c1"))
    stores.subscriptions.remove_members([record])

    assert isinstance(subscribed, ConnectionUnknown) or record == subscribed
    assert member_ids(stores, "a") == []
    assert stores.connections.get("c1") is None


@pytest.mark.parametrize("number", ROUNDS)
def test_concurrent_equal_subscribes_are_one_membership(stores, number):
    stores.connections.add(connection())

    first, second = at_once(*[partial(stores.subscriptions.subscribe, "c1", "a", ANY, NOW)] * 2)

    assert first == second == stores.connections.get("c1")
    assert member_ids(stores, "a") == ["c1"]


@pytest.mark.parametrize("number", ROUNDS)
def test_concurrent_subscribes_with_two_filters_keep_one(stores, number):
    stores.connections.add(connection())

    at_once(*[partial(stores.subscriptions.subscribe, "c1", "a", raw, NOW) for raw in (PHONES, LAPTOPS)])

    subscription = stores.connections.get("c1").subscriptions["a"]
    members_by_group = {
        group.group_id: members
        for group, members in stores.subscriptions.members(list(stores.subscriptions.groups("a", NOW)), NOW)
        if members
    }
    assert members_by_group == {subscription.group_id: ["c1"]}


def test_concurrent_subscribes_do_not_exceed_the_maximum(stores):
    stores.connections.add(connection())
    for number in range(49):
        stores.subscriptions.subscribe("c1", f"t{number}", ANY, NOW)

    results = at_once(*[partial(stores.subscriptions.subscribe, "c1", topic, ANY, NOW) for topic in "xyz"])

    assert [type(result) for result in results].count(SubscriptionFailed) == 2
    assert len(stores.connections.get("c1").subscriptions) == 50
    assert member_ids(stores, "x", "y", "z") == ["c1"]


@pytest.mark.parametrize("number", ROUNDS)
def test_subscribe_concurrent_with_a_refresh_has_the_refreshed_expiry(stores, number):
    stores.connections.add(connection())

    def refresh():
        stores.subscriptions.extend(stores.connections.extend("c1", NOW + 2 * HOUR))

    at_once(partial(stores.subscriptions.subscribe, "c1", "a", ANY, NOW), refresh)

    assert reachable_until(stores, "a") == NOW + 2 * HOUR


def test_subscribe_raises_if_the_record_is_removed_before_the_write(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())

    def leave():
        dynamo_stores.subscriptions.remove_members([dynamo_stores.connections.remove("c1")])

    # The first transaction lists the group.
    with before_next(dynamodb, "TransactWriteItems", leave, skip=1), pytest.raises(ConnectionUnknown):
        dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    assert member_ids(dynamo_stores, "a") == []


def test_subscribe_has_the_expiry_of_a_refresh_before_the_write(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())

    def refresh():
        dynamo_stores.subscriptions.extend(dynamo_stores.connections.extend("c1", NOW + 2 * HOUR))

    with before_next(dynamodb, "TransactWriteItems", refresh, skip=1):
        after = dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    assert after.token_exp == reachable_until(dynamo_stores, "a") == NOW + 2 * HOUR


def test_unsubscribe_removes_a_filter_that_was_replaced_before_the_write(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    dynamo_stores.subscriptions.subscribe("c1", "a", PHONES, NOW)
    replace_filter = partial(dynamo_stores.subscriptions.subscribe, "c1", "a", LAPTOPS, NOW)

    with before_next(dynamodb, "TransactWriteItems", replace_filter):
        dynamo_stores.subscriptions.unsubscribe("c1", "a")

    assert member_ids(dynamo_stores, "a") == []
    assert dynamo_stores.connections.get("c1").subscriptions == {}


def test_group_is_listed_before_its_first_membership(dynamodb, dynamo_stores):
    """An event between the two writes must find the group, or it would miss the new member."""
    dynamo_stores.connections.add(connection())
    seen = []

    def read_groups():
        seen.extend(dynamo_stores.subscriptions.groups("a", NOW))

    with before_next(dynamodb, "TransactWriteItems", read_groups, skip=1):
        dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    assert [group.topic for group in seen] == ["a"]
