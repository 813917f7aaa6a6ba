"""Of several requests for one topic the one that was received last is in force, whichever finishes last."""

import random
from functools import partial

import pytest

from realtime_core.errors import ConnectionUnknown, SubscriptionFailed
from realtime_core.subscriptions.order import REMEMBERED_MAX, REMEMBERED_MS
from tests.contract.support.cases import ANY, LAPTOPS, NOW, PHONES, connection, member_ids
from tests.contract.support.interleaving import Interleaving
from tests.contract.support.watched_clients import before_next

NOW_MS = NOW * 1000
FILTERS = (ANY, PHONES, LAPTOPS, None)
"""None unsubscribes."""


def ask(stores, wanted, at, topic="a", record=None):
    """Subscribe, or unsubscribe where no filter is wanted, as a request received `at` ms after NOW."""
    if wanted is None:
        return stores.subscriptions.unsubscribe("c1", topic, received_ms=NOW_MS + at)
    return stores.subscriptions.subscribe("c1", topic, wanted, NOW, record=record, received_ms=NOW_MS + at)


def in_force(stores, topic="a"):
    """The filter of the topic in the record, None without one; the memberships must agree with it."""
    subscription = stores.connections.get("c1").subscriptions.get(topic)
    by_filter = {
        group.filter: members
        for group, members in stores.subscriptions.members(list(stores.subscriptions.groups(topic, NOW)), NOW)
        if members
    }
    assert by_filter == ({} if subscription is None else {subscription.filter: ["c1"]})
    return subscription.filter if subscription else None


@pytest.mark.parametrize("seed", range(25))
def test_whatever_finishes_last_the_request_received_last_is_in_force(stores, seed):
    chance = random.Random(seed)
    stores.connections.add(connection())
    requests = [(chance.choice(FILTERS), at) for at in range(chance.randint(2, 8))]
    for wanted, at in chance.sample(requests, len(requests)):
        ask(stores, wanted, at)

    assert in_force(stores) == requests[-1][0]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_requests_do_between_their_calls_the_one_received_last_is_in_force(
    dynamodb, dynamo_stores, seed, monkeypatch
):
    """As the router does: each reads the record first, and decides by it later."""
    monkeypatch.setattr("realtime_core.aws.backoff.BASE_SECONDS", 0.0)
    chance = random.Random(seed)
    dynamo_stores.connections.add(connection())
    if chance.random() < 0.5:
        ask(dynamo_stores, PHONES, 0)
    requests = [(chance.choice(FILTERS), at) for at in range(1, chance.randint(3, 7))]

    def work_off(wanted, at):
        record = dynamo_stores.connections.get("c1")
        ask(dynamo_stores, wanted, at, record=record)

    interleaving = Interleaving(seed)
    with interleaving.calls_of(dynamodb):
        results = interleaving.run(*[partial(work_off, *request) for request in requests])

    assert results == [None] * len(requests)
    assert in_force(dynamo_stores) == requests[-1][0]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_leaving_connection_asked_for_nothing_is_left(dynamodb, dynamo_stores, seed, monkeypatch):
    monkeypatch.setattr("realtime_core.aws.backoff.BASE_SECONDS", 0.0)
    from realtime_core.push.removal import remove_connections

    dynamo_stores.connections.add(connection())
    ask(dynamo_stores, PHONES, 0)

    interleaving = Interleaving(seed)
    with interleaving.calls_of(dynamodb):
        *asked, removed = interleaving.run(
            *[partial(ask, dynamo_stores, wanted, at) for at, wanted in enumerate((LAPTOPS, None, ANY), 1)],
            partial(remove_connections, ["c1"], dynamo_stores.connections, dynamo_stores.subscriptions),
        )

    assert removed == 1
    assert all(not isinstance(item, Exception) or isinstance(item, ConnectionUnknown) for item in asked)
    assert dynamo_stores.connections.get("c1") is None
    assert member_ids(dynamo_stores, "a") == []


def test_subscribe_unsubscribe_subscribe_leaves_it_subscribed_in_every_order(stores):
    three = [(PHONES, 1), (None, 2), (PHONES, 3)]
    for number, order in enumerate([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]):
        topic = f"t{number}"
        stores.connections.add(connection())
        for place in order:
            ask(stores, *three[place], topic)
        assert in_force(stores, topic) == PHONES, order


def test_an_unsubscribe_holds_against_a_subscribe_that_was_received_before_it(stores):
    stores.connections.add(connection())
    ask(stores, None, 2)
    ask(stores, PHONES, 1)
    assert in_force(stores) is None
    ask(stores, PHONES, 3)
    assert in_force(stores) == PHONES


def test_subscribe_with_the_same_filter_holds_against_another_one_received_before_it(stores):
    stores.connections.add(connection())
    for wanted, at in ((PHONES, 1), (PHONES, 3), (LAPTOPS, 2)):
        ask(stores, wanted, at)
    assert in_force(stores) == PHONES


def test_requests_of_other_topics_are_not_overtaken(stores):
    stores.connections.add(connection())
    ask(stores, None, 5, "a")
    ask(stores, PHONES, 1, "b")
    ask(stores, PHONES, 9, "c")
    ask(stores, LAPTOPS, 2, "d")
    assert [in_force(stores, topic) for topic in "abcd"] == [None, PHONES, PHONES, LAPTOPS]


def test_the_record_remembers_a_bounded_number_of_unsubscribes(stores):
    stores.connections.add(connection())
    for number in range(5 * REMEMBERED_MAX):
        ask(stores, None, number, f"t{number}")

    assert len(stores.connections.get("c1").unsubscribed) == REMEMBERED_MAX


def test_the_record_forgets_an_unsubscribe_after_a_minute(stores):
    stores.connections.add(connection())
    ask(stores, None, 0, "a")
    ask(stores, None, REMEMBERED_MS + 1, "b")
    assert set(stores.connections.get("c1").unsubscribed) == {"b"}


def test_a_subscribe_that_a_forgotten_unsubscribe_may_have_overtaken_is_refused(stores):
    stores.connections.add(connection())
    for number in range(REMEMBERED_MAX + 1):
        ask(stores, None, 100 + number, f"t{number}")

    with pytest.raises(SubscriptionFailed, match="try again"):
        ask(stores, PHONES, 50, "t0")
    assert in_force(stores, "t0") is None
    ask(stores, PHONES, 101, "t0")
    assert in_force(stores, "t0") == PHONES


def test_a_subscription_of_an_earlier_release_gives_way_to_any_request(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    ask(dynamo_stores, PHONES, 5)
    dynamodb.update_item(
        TableName="connections",
        Key={"connection_id": {"S": "c1"}},
        UpdateExpression="REMOVE subscriptions.a.r, filter_bytes",
    )
    ask(dynamo_stores, LAPTOPS, 1)
    assert in_force(dynamo_stores) == LAPTOPS


def test_two_topics_at_once_do_not_exceed_the_size_of_filters_together(dynamodb, dynamo_stores):
    """The record that the limit is checked by may be older than the write."""
    large = '{"a":"%s"}' % ("x" * 4_000)
    dynamo_stores.connections.add(connection())
    for number in range(23):
        ask(dynamo_stores, large, number, f"t{number}")

    with (
        before_next(dynamodb, "TransactWriteItems", partial(ask, dynamo_stores, large, 30, "x"), skip=1),
        pytest.raises(SubscriptionFailed, match="98304"),
    ):
        ask(dynamo_stores, large, 31, "y")
    assert member_ids(dynamo_stores, "y") == []
    ask(dynamo_stores, ANY, 40, "x")
    ask(dynamo_stores, large, 41, "y")
    assert member_ids(dynamo_stores, "y") == ["c1"]


@pytest.mark.parametrize("counted", [None, "7"])
def test_the_size_of_filters_is_counted_again_where_an_earlier_release_wrote(
    dynamodb, dynamo_stores, counted
):
    large = '{"a":"%s"}' % ("x" * 4_000)
    dynamo_stores.connections.add(connection())
    for number in range(24):
        ask(dynamo_stores, large, number, f"t{number}")
    expression = "REMOVE filter_bytes" if counted is None else "SET filter_bytes = :counted"
    values = {} if counted is None else {"ExpressionAttributeValues": {":counted": {"N": counted}}}
    dynamodb.update_item(
        TableName="connections", Key={"connection_id": {"S": "c1"}}, UpdateExpression=expression, **values
    )

    with pytest.raises(SubscriptionFailed, match="98304"):
        ask(dynamo_stores, large, 30, "x")
    ask(dynamo_stores, None, 31, "t0")
    ask(dynamo_stores, large, 32, "x")
    record = dynamo_stores.connections.get("c1")
    assert record.filter_bytes == sum(len(item.filter) for item in record.subscriptions.values())
