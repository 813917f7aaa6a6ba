"""The number of calls of each operation, counted on the wire: the figures of docs/architecture.md."""

import pytest

from broadcast.group_index import GroupIndex
from realtime_core.filters.filters import Attributes
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingWrites
from tests.contract.support.cases import ANY, HOUR, LAPTOPS, NOW, PHONES, connection, match, message
from tests.contract.support.watched_clients import recording, watching


@pytest.fixture
def spend(dynamodb):
    """Make a call; returns its numbers of reads and writes."""

    def count(call):
        with watching(dynamodb) as watch:
            call()
        return watch.reads, watch.writes

    return count


@pytest.fixture
def stores(dynamo_stores):
    dynamo_stores.connections.add(connection())
    return dynamo_stores


def test_connections_take_one_call_each(stores, spend):
    connections = stores.connections
    assert spend(lambda: connections.add(connection("c2"))) == (0, 1)
    assert spend(lambda: connections.get("c2")) == (1, 0)
    assert spend(lambda: connections.of_user("ann")) == (1, 0)
    assert spend(lambda: connections.count_of_user("ann", NOW)) == (1, 0)
    assert spend(lambda: connections.extend("c2", NOW + 2 * HOUR)) == (0, 1)
    assert spend(lambda: connections.extend("c2", NOW)) == (0, 1)
    assert spend(lambda: connections.remove("c2")) == (0, 1)


def test_subscribe_takes_at_most_three_writes_and_for_most_one_read(dynamodb, stores, spend):
    def subscribe(wanted, received_ms=None):
        return spend(lambda: stores.subscriptions.subscribe("c1", "a", wanted, NOW, received_ms=received_ms))

    assert subscribe(PHONES) == (2, 3), "the group, whether the topic has many, its listing, the record"
    assert subscribe(PHONES) == (1, 0), "the same request"
    assert subscribe(PHONES, NOW * 1000) == (1, 1), "no change, but a later request"
    assert subscribe(LAPTOPS) == (1, 3), "one read, if the process asked for the topic less than a minute ago"
    assert subscribe(PHONES) == (1, 1), "this process listed the group a moment ago"

    elsewhere = DynamoSubscriptions(dynamodb, "connections", "subscriptions")
    assert spend(lambda: elsewhere.subscribe("c1", "a", LAPTOPS, NOW)) == (2, 2), (
        "another process listed it; this one asks whether the topic has many"
    )


def test_pending_changes_take_no_extra_call(dynamodb, stores, spend):
    """They are written in the same transactions as the memberships."""
    indexed = DynamoSubscriptions(
        dynamodb, "connections", "subscriptions", pending=PendingWrites("subscriptions", lambda: NOW)
    )

    assert spend(lambda: indexed.subscribe("c1", "a", PHONES, NOW)) == (2, 3)
    assert spend(lambda: indexed.subscribe("c1", "a", PHONES, NOW)) == (1, 0)
    assert spend(lambda: indexed.extend(stores.connections.extend("c1", NOW + 2 * HOUR))) == (0, 2)
    assert spend(lambda: indexed.unsubscribe("c1", "a")) == (1, 1)
    assert len(DynamoPendingChanges(dynamodb, "subscriptions").read(NOW).items) == 1


def test_without_an_index_nothing_is_pending(dynamodb, stores):
    stores.subscriptions.subscribe("c1", "a", PHONES, NOW)
    stores.subscriptions.extend(stores.connections.extend("c1", NOW + 2 * HOUR))
    stores.subscriptions.unsubscribe("c1", "a")

    assert DynamoPendingChanges(dynamodb, "subscriptions").read(NOW).items == ()


def test_event_by_the_index_takes_a_query_for_each_partition_of_what_is_pending(harness, spend):
    for n in range(40):
        harness.connections.add(connection(f"d{n}"))
        harness.store.subscribe(f"d{n}", "a", f'{{"x":{n}}}', NOW)
    harness.build()
    groups = list(harness.store.groups("a", NOW))

    assert spend(lambda: list(harness.subscriptions.members(groups, NOW))) == (8, 0)
    reader = harness.reader(shards_min=8)
    assert spend(lambda: list(reader.members(groups[:7], NOW))) == (7, 0), "fewer than that"


def test_unsubscribe_takes_one_read_and_at_most_one_write(dynamodb, stores, spend):
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)

    def unsubscribe(topic, at):
        return spend(lambda: stores.subscriptions.unsubscribe("c1", topic, received_ms=NOW * 1000 + at))

    assert unsubscribe("a", 1) == (1, 1)
    assert unsubscribe("a", 0) == (1, 0), "overtaken"
    assert unsubscribe("b", 2) == (1, 1), "to hold against an earlier subscribe that is still under way"
    with recording(dynamodb, "UpdateItem") as plain:
        assert unsubscribe("a", 3) == (1, 1)
    assert len(plain) == 1, "without a subscription no transaction, which costs twice as much"


def test_remove_members_takes_one_write_for_25_memberships(stores, spend):
    for n in range(30):
        stores.subscriptions.subscribe("c1", f"t{n}", ANY, NOW)
    record = stores.connections.remove("c1")

    assert spend(lambda: stores.subscriptions.remove_members([record])) == (0, 2)


def test_event_takes_a_query_for_each_topic_and_each_matching_shard(stores, spend):
    """For any number of groups: only the first event of a process reads them all."""
    for n in range(40):
        stores.connections.add(connection(f"d{n}"))
        stores.subscriptions.subscribe(f"d{n}", "a", f'{{"x":{n % 20}}}', NOW)
    index = GroupIndex(stores.subscriptions)
    event = Attributes({"x": 7}, {})
    assert spend(lambda: match(index, "a", event, NOW)) == (1, 0)
    [group] = match(index, "a", event, NOW)
    stores.subscriptions.add_shards(group, 3, NOW)

    def read_members():
        return list(stores.subscriptions.members(match(index, "a", event, NOW), NOW))

    assert spend(read_members) == (1 + 3, 0)
    assert sorted(item for _, members in read_members() for item in members) == ["d27", "d7"]


@pytest.mark.parametrize("request_id", ["r1", None])
def test_put_takes_one_write_and_so_does_its_repeat(stores, spend, request_id):
    assert spend(lambda: stores.messages.put(message(), request_id)) == (0, 1)
    assert spend(lambda: stores.messages.put(message(), request_id)) == (0, 1)


def test_put_all_takes_one_write_for_50_notifications(stores, spend):
    sent = [message(recipient=f"user{n}") for n in range(100)]

    assert spend(lambda: stores.messages.put_all(sent)) == (0, 2)


def test_acknowledge_takes_one_write_and_read_a_read_before_it(stores, spend):
    stores.messages.put(message(), None)

    def acknowledge(status):
        return spend(lambda: stores.messages.acknowledge("ben", message().message_id, status, NOW))

    assert acknowledge("delivered") == (0, 1)
    assert acknowledge("read") == (1, 1)
    assert acknowledge("read") == (1, 0)


def test_inbox_and_unread_take_one_query(stores, spend):
    for n in range(5):
        stores.messages.put(message(n), None)

    assert spend(lambda: stores.messages.inbox("ben", None, 3, None, NOW)) == (1, 0)
    assert spend(lambda: stores.messages.unread("ben", NOW)) == (1, 0)


def test_reads_that_must_be_current_are_consistent(dynamodb, stores):
    """An event must find a new subscription, and a new connection must find earlier messages."""
    stores.subscriptions.subscribe("c1", "a", ANY, NOW)
    stores.messages.put(message(), None)

    with recording(dynamodb, "Query") as queries, recording(dynamodb, "GetItem") as gets:
        list(stores.subscriptions.members(list(stores.subscriptions.groups("a", NOW)), NOW))
        stores.subscriptions.announced("a", NOW)
        stores.messages.inbox("ben", None, 10, None, NOW)
        stores.messages.unread("ben", NOW)
        stores.messages.acknowledge("ben", message().message_id, "read", NOW)
        stores.connections.get("c1")

    assert [call.get("ConsistentRead") for call in (*queries, *gets)] == [True] * 7
