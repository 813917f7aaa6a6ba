"""What a process remembers between invocations is bounded; forgetting costs time alone: docs/bounds.md."""

import pytest

from broadcast import group_index
from broadcast.group_index import TOPIC_BYTES, GroupIndex
from connection_handler import room as rooms
from message_router import limiter_dynamodb
from message_router.limiter_dynamodb import DynamoLimiter
from message_router.limits import Limit
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import RateLimited
from realtime_core.filters.filters import (
    COMPILED_FILTERS_MAX,
    Attributes,
    _canonical_of,
    load_filter,
    parse_filter,
)
from realtime_core.filters.match import _key as keys
from realtime_core.ids import group_id
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions import (
    dynamodb_groups,
    dynamodb_members,
    dynamodb_partitions,
    dynamodb_statements,
)
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.dynamodb_groups import DynamoGroups
from realtime_core.subscriptions.dynamodb_members import DynamoMembers
from realtime_core.subscriptions.dynamodb_partitions import DynamoPartitions
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import ANY, LAPTOPS, NOW, PHONES, connection, match

ONE = Limit(rate=1, burst=1)


def test_limiter_forgets_the_bucket_that_was_used_least_lately(dynamodb, monkeypatch):
    monkeypatch.setattr(limiter_dynamodb, "CACHED_BUCKETS_MAX", 3)
    limiter = DynamoLimiter(dynamodb, "limits")
    for number in range(5):
        limiter.take(f"user-{number}", ONE, NOW)
    assert list(limiter._seen) == ["user-2", "user-3", "user-4"]
    # Its table knows it still.
    with pytest.raises(RateLimited):
        limiter.take("user-0", ONE, NOW)
    assert len(limiter._seen) == 3


def test_groups_that_are_listed_are_remembered_up_to_a_number(dynamodb, monkeypatch):
    monkeypatch.setattr(dynamodb_groups, "TOUCHED_GROUPS_MAX", 3)
    groups = DynamoGroups(dynamodb, "subscriptions", None)
    for number in range(5):
        groups.touch(Group(f"g{number}", "books", ANY), NOW)
    assert list(groups._touched) == ["g2", "g3", "g4"]
    assert groups.touch(Group("g0", "books", ANY), NOW).shards == 1
    assert len(groups._touched) == 3


def test_partitions_of_topics_are_remembered_up_to_a_number(dynamodb, monkeypatch):
    monkeypatch.setattr(dynamodb_partitions, "TOPICS_MAX", 3)
    partitions = DynamoPartitions(dynamodb, "subscriptions")
    for number in range(5):
        partitions.start_look_up(f"t{number}", NOW).result()
        partitions.grow(f"large-{number}", 10_000, NOW)
    assert list(partitions._one) == ["t2", "t3", "t4"]
    assert list(partitions._several) == ["large-2", "large-3", "large-4"]
    assert partitions.start_look_up("large-0", NOW).result()


def test_groups_that_are_not_small_are_remembered_up_to_a_number(dynamodb, dynamo_stores, monkeypatch):
    monkeypatch.setattr(dynamodb_members, "SMALL_MEMBERS_MAX", 0)
    monkeypatch.setattr(dynamodb_members, "LARGER_GROUPS_MAX", 3)
    monkeypatch.setattr(dynamodb_statements, "SHARDS_MIN", 2)
    for number in range(12):
        dynamo_stores.connections.add(connection(f"c{number}"))
        dynamo_stores.subscriptions.subscribe(f"c{number}", "books", f'{{"n":{number}}}', NOW)
    groups = list(dynamo_stores.subscriptions.groups("books", NOW))
    members = DynamoMembers(dynamodb, "subscriptions")
    for _ in range(2):
        assert sum(len(ids) for _, ids in members.of_groups(groups, NOW)) == 12
        assert len(members._larger) == 3


def test_topics_without_room_are_remembered_up_to_a_number(monkeypatch):
    monkeypatch.setattr(group_index, "TOO_LARGE_MAX", 3)
    connections = MemoryConnections()
    subscriptions = MemorySubscriptions(connections)
    index = GroupIndex(subscriptions, TOPIC_BYTES // 2)
    for number in range(5):
        for wanted in (ANY, PHONES, LAPTOPS):
            connections.add(connection(f"{wanted}{number}"))
            subscriptions.subscribe(f"{wanted}{number}", f"t{number}", wanted, NOW)
        assert len(match(index, f"t{number}", Attributes({}, {}), NOW)) == 1
    assert list(index._too_large) == ["t2", "t3", "t4"]
    assert len(match(index, "t0", Attributes({}, {}), NOW)) == 1


def test_users_who_have_the_maximum_are_remembered_up_to_a_number(monkeypatch):
    monkeypatch.setattr(rooms, "FULL_MAX", 3)
    connections = MemoryConnections()
    room = rooms.Room(
        connections, MemorySubscriptions(connections), MemoryManagementApi(), replace_oldest=False
    )
    for number in range(5):
        connections.add(connection(f"c{number}", user_id=f"user-{number}"))
        assert not room.make(f"user-{number}", NOW, 1)
        assert len(room._full_until) <= 3
    assert not room.make("user-0", NOW, 1)


def test_keys_of_values_are_remembered_up_to_a_number():
    wanted = load_filter('{"color":["red","green"]}')
    for number in range(keys.cache_info().maxsize + 50):
        assert not wanted.matches(Attributes({}, {"color": f"blue-{number}"}))
    assert keys.cache_info().currsize == keys.cache_info().maxsize == 256
    assert wanted.matches(Attributes({}, {"color": "green"}))


def test_ids_of_groups_are_remembered_up_to_a_number():
    first = group_id("t0", ANY)
    for number in range(group_id.cache_info().maxsize + 50):
        group_id(f"t{number}", ANY)
    assert group_id.cache_info().currsize == group_id.cache_info().maxsize
    assert group_id("t0", ANY) == first


def test_compiled_filters_are_remembered_up_to_a_number():
    for number in range(COMPILED_FILTERS_MAX + 50):
        load_filter(f'{{"price":{{"lt":{number + 1}}}}}')
        parse_filter({"price": {"lt": number + 1}})
    for remembered in (load_filter, _canonical_of):
        assert remembered.cache_info().currsize == COMPILED_FILTERS_MAX
    assert load_filter('{"price":{"lt":1}}').matches(Attributes({}, {"price": 0}))
