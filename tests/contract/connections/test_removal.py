"""Removing connections: whatever is lost or happens meanwhile, no membership stays without its record."""

from functools import partial

import pytest

from realtime_core.errors import StoreUnavailable
from realtime_core.push.removal import remove_connections
from tests.contract.support.cases import ANY, LAPTOPS, NOW, PHONES, at_once, connection, member_ids
from tests.contract.support.watched_clients import (
    answering,
    aws_client,
    before_next,
    fault,
    hooked,
    watching,
)


@pytest.fixture
def remove(stores):
    """Remove the connection c1; returns how many had a record."""
    return partial(remove_connections, ["c1"], stores.connections, stores.subscriptions)


@pytest.fixture
def ann(stores):
    """The connection c1 with two subscriptions."""
    stores.connections.add(connection())
    for topic, wanted in (("a", PHONES), ("b", ANY)):
        stores.subscriptions.subscribe("c1", topic, wanted, NOW)


def assert_nothing_is_left(stores):
    assert stores.connections.get("c1") is None
    assert member_ids(stores, "a", "b") == []


def test_removal_leaves_neither_record_nor_memberships(stores, ann, remove):
    assert remove() == 1
    assert_nothing_is_left(stores)
    assert remove() == 0


def test_concurrent_removals_count_a_connection_once(stores, ann, remove):
    assert sum(at_once(*[remove] * 6)) == 1
    assert_nothing_is_left(stores)


def test_removal_of_many_removes_each_with_its_memberships(stores):
    ids = [f"c{number}" for number in range(30)]
    for connection_id in ids:
        stores.connections.add(connection(connection_id))
        stores.subscriptions.subscribe(connection_id, "a", ANY, NOW)

    assert remove_connections([*ids[:20], "nobody"], stores.connections, stores.subscriptions) == 20
    assert member_ids(stores, "a") == sorted(ids[20:])


@pytest.mark.parametrize("operation", ["GetItem", "BatchWriteItem", "DeleteItem"])
def test_removal_whose_first_answer_is_lost_leaves_no_membership(dynamodb, dynamo_stores, operation):
    """The client repeats what got no answer, and a repeated delete returns nothing."""
    _subscribe_two(dynamo_stores)
    other, lost = aws_client("dynamodb"), []

    def carry_out_and_lose_the_answer(called, parameters):
        if called == operation and not lost:
            lost.append(other.call(called, parameters))

    with hooked(dynamodb, carry_out_and_lose_the_answer):
        remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions)

    assert lost
    assert_nothing_is_left(dynamo_stores)


@pytest.mark.parametrize("operation", ["GetItem", "BatchWriteItem", "DeleteItem"])
def test_removal_that_fails_midway_is_made_good_by_the_next(dynamodb, dynamo_stores, operation):
    _subscribe_two(dynamo_stores)
    with answering(dynamodb, operation, fault("AccessDeniedException")), pytest.raises(StoreUnavailable):
        remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions)

    assert remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions) == 1
    assert_nothing_is_left(dynamo_stores)


@pytest.mark.parametrize("topic", ["a", "c"])
def test_removal_takes_a_subscription_of_the_last_moment_along(dynamodb, dynamo_stores, topic):
    _subscribe_two(dynamo_stores)
    last = partial(dynamo_stores.subscriptions.subscribe, "c1", topic, LAPTOPS, NOW)

    with before_next(dynamodb, "DeleteItem", last):
        assert remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions) == 1

    assert_nothing_is_left(dynamo_stores)
    assert member_ids(dynamo_stores, "c") == []


def test_removal_of_50_subscriptions_fits_the_expressions_of_dynamodb(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    for number in range(50):
        dynamo_stores.subscriptions.subscribe("c1", f"{'t' * 60}-{number}", ANY, NOW)
    sizes = []

    def measure(_, parameters):
        sizes.append(len(parameters.get("ConditionExpression", "")))

    with hooked(dynamodb, measure):
        assert remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions) == 1
    assert max(sizes) < 4096


def test_removal_takes_one_read_and_a_write_for_the_record_and_each_25_memberships(dynamodb, dynamo_stores):
    _subscribe_two(dynamo_stores)
    with watching(dynamodb) as watch:
        remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions)
    assert (watch.reads, watch.writes) == (1, 2)
    with watching(dynamodb) as watch:
        remove_connections(["c1"], dynamo_stores.connections, dynamo_stores.subscriptions)
    assert (watch.reads, watch.writes) == (1, 0), "found gone once more"


def _subscribe_two(stores):
    stores.connections.add(connection())
    for topic, wanted in (("a", PHONES), ("b", ANY)):
        stores.subscriptions.subscribe("c1", topic, wanted, NOW)
