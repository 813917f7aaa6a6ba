"""A topic of many groups lists them in several partitions, and nobody loses sight of a group by that."""

import json

import pytest

from broadcast.group_index import GroupIndex
from index_projector.membership import Listing
from index_projector.stream import parse_changes
from index_projector.table import Table
from realtime_core.aws.http_response import HttpResponse
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.errors import StoreUnavailable, SubscriptionFailed
from realtime_core.filters.filters import Attributes
from realtime_core.ids import group_id
from realtime_core.subscriptions.base import REGISTRY_LIFETIME_SECONDS, Group
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.dynamodb_topic_counts import COUNT_KEY, COUNTED_SECONDS
from realtime_core.subscriptions.registry_keys import (
    GROUPS_MAX,
    PARTITIONS,
    PARTITIONS_KEY,
    partition_of,
    registry_pk,
)
from tests.contract.support.cases import HOUR, NOW, connection, match
from tests.contract.support.watched_clients import hooked, watching

FILTERS = [f'{{"x":{number}}}' for number in range(12)]
THROTTLED = HttpResponse(400, b'{"__type": "ThrottlingException", "message": "slow down"}')
FAULT = HttpResponse(500, b'{"__type": "InternalServerError"}')
BEYOND = next(text for text in FILTERS if partition_of(group_id("a", text), PARTITIONS))
"""A filter whose group is listed beyond the first partition."""


class Registry:
    """The registry of topic `a`, and processes that subscribe connections."""

    def __init__(self, client):
        self.client = client
        self.connections = DynamoConnections(client, "connections")
        self.process = self.new_process()
        self.asked = []

    def new_process(self, topic_filters_max=100_000):
        return DynamoSubscriptions(
            self.client, "connections", "subscriptions", topic_filters_max=topic_filters_max
        )

    def subscribe(self, wanted, process=None, now=NOW):
        name = f"c{wanted}{now}"
        self.connections.add(connection(name, connected_at=now, token_exp=now + HOUR))
        (process or self.process).subscribe(
            name, "a", wanted, now, admit_new=lambda: self.asked.append(wanted)
        )

    def count(self, groups, now=NOW):
        """Let the topic have so many groups by its count."""
        values = {"n": groups, "counted_at": now, "expires_at": now + REGISTRY_LIFETIME_SECONDS}
        item = {name: {"N": str(value)} for name, value in values.items()}
        self.client.put_item(
            TableName="subscriptions", Item={"pk": {"S": "n#a"}, "sk": {"S": COUNT_KEY}, **item}
        )

    def items(self):
        """The items of all partitions, by partition key and sort key."""
        items = self.client.scan(TableName="subscriptions")["Items"]
        return {
            (item["pk"]["S"], item["sk"]["S"]): item for item in items if item["pk"]["S"].startswith("t#a")
        }

    def listed(self, now=NOW):
        return sorted(group.filter for group in self.new_process().groups("a", now))


@pytest.fixture
def registry(dynamodb):
    return Registry(dynamodb)


@pytest.fixture
def grown(registry):
    """Six groups of a topic that had few, six more after it had many."""
    for wanted in FILTERS[:6]:
        registry.subscribe(wanted)
    registry.count(GROUPS_MAX)
    for wanted in FILTERS[6:]:
        registry.subscribe(wanted)
    return registry


@pytest.mark.parametrize("answer", [THROTTLED, FAULT], ids=["throttled", "fault"])
def test_look_up_that_fails_fails_no_subscription_that_does_not_need_it(registry, dynamodb, answer):
    registry.subscribe(FILTERS[0])
    process = registry.new_process()

    def fail(operation, parameters):
        keys = parameters.get("ExpressionAttributeValues", {})
        return answer if operation == "Query" and keys.get(":key") == {"S": PARTITIONS_KEY} else None

    with hooked(dynamodb, fail):
        registry.subscribe(FILTERS[0], process, NOW + 1)
        with pytest.raises(StoreUnavailable):
            registry.subscribe(FILTERS[1], process, NOW + 1)
    registry.subscribe(FILTERS[1], process, NOW + 2)
    assert registry.listed() == sorted(FILTERS[:2])


def test_topic_of_few_groups_has_one_partition(registry):
    for wanted in FILTERS:
        registry.subscribe(wanted)

    assert {pk for pk, _ in registry.items()} == {"t#a"}


def test_groups_of_a_large_topic_are_spread_and_all_are_found(grown):
    spread = {registry_pk("a", partition_of(group_id("a", wanted), PARTITIONS)) for wanted in FILTERS[6:]}

    assert len(spread) > 2
    assert {pk for pk, _ in grown.items()} == {"t#a"} | spread
    assert grown.listed() == sorted(FILTERS)
    found = match(GroupIndex(grown.new_process()), "a", Attributes({"x": 9}, {}), NOW)
    assert [group.filter for group in found] == [FILTERS[9]]


@pytest.mark.parametrize("later", [0, 2 * HOUR])
def test_other_processes_find_every_group_and_list_none_of_them_again(grown, later):
    before, grown.asked = grown.items().keys(), []
    process = grown.new_process()

    for wanted in FILTERS:
        grown.subscribe(wanted, process, NOW + later)

    assert grown.asked == []
    assert grown.items().keys() == before
    assert grown.listed(NOW + 3 * HOUR + 1) == (sorted(FILTERS) if later else [])


def test_partitions_are_told_for_as_long_as_a_group_is_in_them(grown):
    processes = [grown.process, grown.new_process()]
    for step in range(40):
        now = NOW + step * 13 * 60
        grown.subscribe(FILTERS[6 + step % 6], processes[step % 2], now)

        ends = {key: int(item["expires_at"]["N"]) for key, item in grown.items().items()}
        told = ends.pop(("t#a", PARTITIONS_KEY))
        assert told > max(end for (pk, _), end in ends.items() if pk != "t#a")


def test_topic_that_was_forgotten_begins_with_one_partition(grown):
    later = NOW + 12 * HOUR
    process = grown.new_process()

    grown.subscribe(BEYOND, process, later)

    assert grown.listed(later) == [BEYOND]
    assert ("t#a", group_id("a", BEYOND)) in grown.items()


def test_subscriber_in_a_large_topic_costs_at_most_one_write_more(grown, dynamodb):
    process = grown.new_process()

    def spend(wanted, now=NOW):
        with watching(dynamodb) as watch:
            grown.subscribe(wanted, process, now)
        return watch.reads - 1, watch.writes - 1

    beyond = [text for text in FILTERS[6:] if partition_of(group_id("a", text), PARTITIONS)]
    assert spend(beyond[0]) == (1, 4), (
        "not in the first partition: which others? They are kept, and it is there"
    )
    assert spend(beyond[1]) == (0, 2)
    assert spend(beyond[1], NOW + 1) == (0, 1), "this process did it a moment ago"
    first = next(text for text in FILTERS[:6] if partition_of(group_id("a", text), PARTITIONS))
    assert spend(first) == (0, 3), "not where a new one would be, but in the first partition"


def test_group_beyond_the_first_partition_gets_shards_which_every_process_sees(grown):
    group = Group(group_id("a", BEYOND), "a", BEYOND)
    if (registry_pk("a", 0), group.group_id) in grown.items():
        grown.client.delete_item(
            TableName="subscriptions", Key={"pk": {"S": "t#a"}, "sk": {"S": group.group_id}}
        )
        grown.process = grown.new_process()
        grown.subscribe(BEYOND, now=NOW + 1)

    grown.new_process().add_shards(group, 3, NOW + 2)
    grown.new_process().add_shards(group, 2, NOW + 2)

    assert {one.shards for one in grown.new_process().groups("a", NOW + 2) if one.filter == BEYOND} == {3}
    assert {one.shards for one in grown.new_process().announced("a", NOW + 2)} == {3}


def test_group_that_a_process_of_the_release_before_lists_too_is_matched_once_with_all_shards(grown):
    """It knows the first partition alone."""
    listed = grown.items()
    (_, sk), item = next((key, item) for key, item in listed.items() if key[0] != "t#a")
    grown.client.put_item(TableName="subscriptions", Item={**item, "n": {"N": "4"}})
    grown.client.put_item(TableName="subscriptions", Item={**item, "pk": {"S": "t#a"}})

    index = GroupIndex(grown.new_process())
    event = Attributes(json.loads(item["f"]["S"]), {})

    assert match(index, "a", event, NOW) == [Group(sk, "a", item["f"]["S"], 4)]


def test_full_topic_counts_the_groups_of_all_partitions(grown):
    grown.count(12, NOW - COUNTED_SECONDS)

    with pytest.raises(SubscriptionFailed, match="maximum of 12"):
        grown.subscribe('{"x":99}', grown.new_process(12))


def test_projector_reads_the_groups_of_all_partitions(grown):
    listings = Table(grown.client, "subscriptions").listings("a")
    [page] = Table(grown.client, "subscriptions").scan(0, 1)

    assert sorted(listing.filter for listing in listings) == sorted(FILTERS)
    assert {listing.topic for listing in listings} == {"a"}
    assert set(page.listings) == set(listings)


def test_projector_takes_a_listing_of_any_partition_from_the_stream(grown, published):
    records = [
        {
            "eventName": "INSERT",
            "dynamodb": {"Keys": {"pk": item["pk"], "sk": item["sk"]}, "NewImage": item},
        }
        for item in grown.items().values()
    ]

    changes = parse_changes(records)

    assert {type(listing) for listing in changes.listed} == {Listing}
    assert sorted((listing.topic, listing.filter) for listing in changes.listed) == sorted(
        ("a", wanted) for wanted in FILTERS
    )
    assert published() == {}, "none is skipped"
