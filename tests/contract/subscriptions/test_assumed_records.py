"""A record that is assumed and not read: it spares a read where it is right, and never decides."""

import random
from functools import partial

import pytest

from realtime_core.auth.permissions import Permissions
from realtime_core.connections.base import Subscription
from realtime_core.connections.dynamodb import connection_item
from realtime_core.errors import ConnectionUnknown, Forbidden, SubscriptionFailed
from realtime_core.schema import RecordKind
from realtime_core.subscriptions.base import FILTER_BYTES_TOGETHER_MAX, MAX_SUBSCRIPTIONS
from tests.contract.subscriptions.test_subscription_order import FILTERS, in_force
from tests.contract.support.cases import (
    ANY,
    HOUR,
    LAPTOPS,
    NOW,
    PHONES,
    connection,
    member_ids,
    reachable_until,
)
from tests.contract.support.interleaving import Interleaving
from tests.contract.support.watched_clients import watching

NOW_MS = NOW * 1000
NEW = connection()
"""What the handshake leaves."""


@pytest.fixture(params=["dynamo", "memory", "index"])
def stores(request):
    return request.getfixturevalue(f"{request.param}_stores")


def subscribe(stores, wanted=ANY, topic="a", *, assumed=NEW, at=5):
    return stores.subscriptions.subscribe(
        "c1", topic, wanted, NOW, record=assumed, is_assumed=True, received_ms=NOW_MS + at
    )


@pytest.fixture
def opened(stores):
    """A connection as the handshake leaves it."""
    stores.connections.add(NEW)


@pytest.fixture
def calls(dynamodb, dynamo_stores):
    """What a subscription to a group that the process knows reads and writes."""
    dynamo_stores.connections.add(connection("c2"))
    for wanted in (ANY, PHONES):
        dynamo_stores.subscriptions.subscribe("c2", "a", wanted, NOW)

    def count(call):
        with watching(dynamodb) as watch:
            call()
        return watch.reads, watch.writes

    return count


def test_assumed_record_that_is_right_takes_no_read(dynamo_stores, calls):
    dynamo_stores.connections.add(NEW)
    assert calls(lambda: subscribe(dynamo_stores)) == (0, 1)
    left = dynamo_stores.connections.get("c1")
    assert left.subscriptions["a"].filter == ANY
    assert calls(lambda: subscribe(dynamo_stores, PHONES, assumed=left, at=6)) == (0, 1)
    assert dynamo_stores.connections.get("c1").subscriptions["a"].filter == PHONES


def test_assumed_record_that_is_wrong_takes_a_write_without_effect_and_no_read(dynamo_stores, calls):
    dynamo_stores.connections.add(NEW)
    subscribe(dynamo_stores, at=4)
    assert calls(lambda: subscribe(dynamo_stores, PHONES)) == (0, 2)
    assert dynamo_stores.connections.get("c1").subscriptions["a"].filter == PHONES


@pytest.mark.usefixtures("opened")
def test_subscriptions_to_other_topics_stay(stores):
    subscribe(stores, PHONES, "books")
    subscribe(stores, LAPTOPS, "a", at=6)

    record = stores.connections.get("c1")
    assert {topic: item.filter for topic, item in record.subscriptions.items()} == {
        "books": PHONES,
        "a": LAPTOPS,
    }
    assert member_ids(stores, "a", "books") == ["c1", "c1"]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("assumes", [PHONES, LAPTOPS])
def test_another_filter_than_assumed_is_replaced(stores, assumes):
    subscribe(stores, PHONES, at=1)
    left = stores.connections.get("c1")
    other = left.subscriptions["a"]._replace(filter=assumes, group_id="x")
    assumed = left._replace(subscriptions={"a": other})
    subscribe(stores, LAPTOPS, assumed=assumed)
    assert stores.connections.get("c1").subscriptions["a"].filter == LAPTOPS
    assert member_ids(stores, "a") == ["c1"]


@pytest.mark.usefixtures("opened")
def test_later_subscription_stays_in_force(stores):
    subscribe(stores, PHONES, at=9)
    subscribe(stores, LAPTOPS, at=5)
    assert stores.connections.get("c1").subscriptions["a"].filter == PHONES


@pytest.mark.usefixtures("opened")
def test_later_unsubscribe_stays_in_force(stores):
    stores.subscriptions.unsubscribe("c1", "a", received_ms=NOW_MS + 9)
    subscribe(stores, LAPTOPS, at=5)
    assert stores.connections.get("c1").subscriptions == {}
    assert member_ids(stores, "a") == []


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("at", [5, 6])
def test_subscription_that_is_assumed_and_was_ended_is_made_again(stores, at):
    subscribe(stores, PHONES, at=5)
    left = stores.connections.get("c1")
    stores.subscriptions.unsubscribe("c1", "a", received_ms=NOW_MS + 5)

    subscribe(stores, PHONES, assumed=left, at=at)

    assert stores.connections.get("c1").subscriptions["a"].filter == PHONES
    assert member_ids(stores, "a") == ["c1"]


@pytest.mark.usefixtures("opened")
def test_membership_has_the_expiry_of_a_refreshed_token(stores):
    stores.connections.extend("c1", NOW + 2 * HOUR)
    subscribe(stores)
    assert reachable_until(stores, "a") >= NOW + 2 * HOUR


@pytest.mark.usefixtures("opened")
def test_permissions_that_a_refresh_took_away_are_missing(stores):
    stores.connections.extend("c1", NOW + 2 * HOUR, permissions=Permissions(("books",)))
    with pytest.raises(Forbidden):
        subscribe(stores)
    assert stores.connections.get("c1").subscriptions == {}
    assert member_ids(stores, "a") == []


@pytest.mark.usefixtures("opened")
def test_permissions_that_a_refresh_gave_count(stores):
    stores.connections.extend("c1", NOW + 2 * HOUR, permissions=Permissions(("private.a",)))
    subscribe(stores, topic="private.a")
    assert set(stores.connections.get("c1").subscriptions) == {"private.a"}


@pytest.mark.usefixtures("opened")
def test_maximum_of_subscriptions_holds(stores):
    for number in range(MAX_SUBSCRIPTIONS):
        subscribe(stores, topic=f"t{number}", at=number)
    with pytest.raises(SubscriptionFailed) as refused:
        subscribe(stores)
    assert refused.value.details == {"reason": "maximum"}
    assert len(stores.connections.get("c1").subscriptions) == MAX_SUBSCRIPTIONS


@pytest.mark.usefixtures("opened")
def test_maximum_of_filters_holds(stores):
    large = '{"name":"%s"}' % ("x" * (FILTER_BYTES_TOGETHER_MAX // 2))
    subscribe(stores, large, "books")
    with pytest.raises(SubscriptionFailed) as refused:
        subscribe(stores, large)
    assert refused.value.details == {"reason": "filters_too_large"}
    stores.subscriptions.unsubscribe("c1", "books", received_ms=NOW_MS + 6)
    subscribe(stores, large, at=7)
    assert set(stores.connections.get("c1").subscriptions) == {"a"}


def test_size_of_all_filters_is_counted_beside_those_that_are_not_assumed(dynamo_stores):
    dynamo_stores.connections.add(NEW)
    subscribe(dynamo_stores, PHONES, "books")
    subscribe(dynamo_stores, LAPTOPS, at=6)
    assert dynamo_stores.connections.get("c1").filter_bytes == len(PHONES) + len(LAPTOPS)


@pytest.mark.usefixtures("opened")
def test_more_subscriptions_than_there_are_may_be_assumed(stores):
    old = {f"t{number}": Subscription(f"t{number}", ANY, "g", 0) for number in range(MAX_SUBSCRIPTIONS)}
    subscribe(stores, assumed=NEW._replace(subscriptions=old))
    assert set(stores.connections.get("c1").subscriptions) == {"a"}


def test_connection_without_a_record_is_unknown(stores):
    with pytest.raises(ConnectionUnknown):
        subscribe(stores)
    assert member_ids(stores, "a") == []


def test_record_of_a_newer_release_is_left_alone(dynamodb, dynamo_stores):
    item = {**connection_item(NEW), **RecordKind("record of a connection", 2).stamp}
    dynamodb.put_item(TableName="connections", Item=item)
    with pytest.raises(ConnectionUnknown):
        subscribe(dynamo_stores)
    key = {"connection_id": item["connection_id"]}
    assert dynamodb.get_item(TableName="connections", Key=key, ConsistentRead=True)["Item"] == item
    assert member_ids(dynamo_stores, "a") == []


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_assumed_the_request_received_last_is_in_force(
    dynamodb, dynamo_stores, seed, monkeypatch
):
    """Requests whose calls cross, each of which assumes what the connection has been before at some time."""
    monkeypatch.setattr("realtime_core.aws.backoff.BASE_SECONDS", 0.0)
    chance = random.Random(seed)
    dynamo_stores.connections.add(NEW)
    left = [NEW]
    for at, wanted in enumerate(chance.choices([PHONES, LAPTOPS], k=chance.randint(0, 3)), 1):
        left.append(subscribe(dynamo_stores, wanted, assumed=left[-1], at=at))
    requests = [(chance.choice(FILTERS), at) for at in range(4, chance.randint(6, 10))]

    def work_off(wanted, at, assumed):
        if wanted is None:
            dynamo_stores.subscriptions.unsubscribe("c1", "a", received_ms=NOW_MS + at)
        else:
            subscribe(dynamo_stores, wanted, assumed=assumed, at=at)

    interleaving = Interleaving(seed)
    with interleaving.calls_of(dynamodb):
        results = interleaving.run(
            *[partial(work_off, wanted, at, chance.choice(left)) for wanted, at in requests]
        )

    assert results == [None] * len(requests)
    assert in_force(dynamo_stores) == requests[-1][0]
