"""Concurrent operations, and changes between the calls of an operation."""

from functools import partial

import pytest

from realtime_core.errors import ConnectionUnknown, SubscriptionFailed
from tests.contract.ports.cases import (
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
from tests.contract.ports.clouds import before_next

ROUNDS = range(15)


@pytest.fixture(params=["dynamo", "memory", "index"])
def stores(request):
    """The stores alone, and with an index in front of them."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.mark.parametrize("number", ROUNDS)
def test_subscribe_racing_remove_leaves_no_orphan(stores, number):
    stores.connections.add(connection())
    subscribe = partial(stores.subscriptions.subscribe, "c1", "a", ANY, NOW)

    subscribed, record = at_once(subscribe, partial(stores.connections.remove, "c1"))
    stores.subscriptions.remove_members([record])

    assert isinstance(subscribed, ConnectionUnknown) or record == subscribed
    assert member_ids(stores, "a") == []
    assert stores.connections.get("c1") is None


@pytest.mark.parametrize("number", ROUNDS)
def test_subscribe_twice_at_once_is_one_membership(stores, number):
    stores.connections.add(connection())

    first, second = at_once(*[partial(stores.subscriptions.subscribe, "c1", "a", ANY, NOW)] * 2)

    assert first == second == stores.connections.get("c1")
    assert member_ids(stores, "a") == ["c1"]


@pytest.mark.parametrize("number", ROUNDS)
def test_subscribe_with_two_filters_at_once_keeps_exactly_one(stores, number):
    stores.connections.add(connection())

    at_once(
        *[partial(stores.subscriptions.subscribe, "c1", "a", wanted, NOW) for wanted in (PHONES, LAPTOPS)]
    )

    kept = stores.connections.get("c1").subscriptions["a"]
    held = {
        group.group_id: members
        for group, members in stores.subscriptions.members(stores.subscriptions.groups("a", NOW), NOW)
        if members
    }
    assert held == {kept.group_id: ["c1"]}


def test_subscribe_to_the_last_place_at_once_fills_it_once(stores):
    stores.connections.add(connection())
    for number in range(49):
        stores.subscriptions.subscribe("c1", f"t{number}", ANY, NOW)

    results = at_once(*[partial(stores.subscriptions.subscribe, "c1", topic, ANY, NOW) for topic in "xyz"])

    assert [type(result) for result in results].count(SubscriptionFailed) == 2
    assert len(stores.connections.get("c1").subscriptions) == 50
    assert member_ids(stores, "x", "y", "z") == ["c1"]


@pytest.mark.parametrize("number", ROUNDS)
def test_subscribe_racing_a_refresh_ends_with_the_refreshed_token(stores, number):
    stores.connections.add(connection())

    def refresh():
        stores.subscriptions.extend(stores.connections.extend("c1", NOW + 2 * HOUR))

    at_once(partial(stores.subscriptions.subscribe, "c1", "a", ANY, NOW), refresh)

    assert reachable_until(stores, "a") == NOW + 2 * HOUR


def test_subscribe_whose_record_goes_before_the_write_is_refused(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())

    def leave():
        dynamo_stores.subscriptions.remove_members([dynamo_stores.connections.remove("c1")])

    # The first transaction lists the group.
    with before_next(dynamodb, "TransactWriteItems", leave, skip=1), pytest.raises(ConnectionUnknown):
        dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    assert member_ids(dynamo_stores, "a") == []


def test_subscribe_whose_token_is_refreshed_before_the_write_carries_the_new_one(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())

    def refresh():
        dynamo_stores.subscriptions.extend(dynamo_stores.connections.extend("c1", NOW + 2 * HOUR))

    with before_next(dynamodb, "TransactWriteItems", refresh, skip=1):
        after = dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    assert after.token_exp == reachable_until(dynamo_stores, "a") == NOW + 2 * HOUR


def test_unsubscribe_whose_filter_is_replaced_before_the_write_ends_the_new_one(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    dynamo_stores.subscriptions.subscribe("c1", "a", PHONES, NOW)
    replace_filter = partial(dynamo_stores.subscriptions.subscribe, "c1", "a", LAPTOPS, NOW)

    with before_next(dynamodb, "TransactWriteItems", replace_filter):
        dynamo_stores.subscriptions.unsubscribe("c1", "a")

    assert member_ids(dynamo_stores, "a") == []
    assert dynamo_stores.connections.get("c1").subscriptions == {}


def test_group_is_listed_before_it_has_its_first_member(dynamodb, dynamo_stores):
    """An event between the two writes must find the group, or it would miss the new member."""
    dynamo_stores.connections.add(connection())
    seen = []

    def read_groups():
        seen.extend(dynamo_stores.subscriptions.groups("a", NOW))

    with before_next(dynamodb, "TransactWriteItems", read_groups, skip=1):
        dynamo_stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    assert [group.topic for group in seen] == ["a"]
