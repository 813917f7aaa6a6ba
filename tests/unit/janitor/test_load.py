"""A hundred thousand connections: what a run costs is what is due, not what there is.

The real adapters, over a table in memory that keeps its index sorted as DynamoDB does.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter

import pytest

from janitor.janitor import Janitor
from realtime_core.connections.base import Connection
from realtime_core.connections.dynamodb import DynamoConnections, connection_item
from realtime_core.connections.dynamodb_schedule import PAGE, PARTITIONS, DynamoSchedule, schedule_partition
from realtime_core.connections.memory import MemoryConnections
from realtime_core.connections.schedule import first_schedule
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480
HOUR = 3_600
MANY = 100_000
FEWER = 20_000
"""Where everybody is due: what it costs grows with them, so fewer show it as well."""
# Outside limit: a page of a query ends at 1 MB, and an item of the index takes about 150 bytes.
ITEMS_OF_A_PAGE = 7_000


class Table:
    """The calls of a DynamoDB client that the janitor makes, counted."""

    def __init__(self):
        self.items = {}
        self.index = {str(sweep): [] for sweep in range(PARTITIONS)}
        self.calls = Counter()

    def put(self, connection):
        tended = first_schedule(connection.connection_id, connection.connected_at, connection.token_exp)
        item = connection_item(connection) | {
            "sweep": {"S": schedule_partition(connection.connection_id)},
            "due_at": {"N": str(tended.due_at)},
        }
        self.items[connection.connection_id] = item
        self.index[item["sweep"]["S"]].append(_place(item))

    def sort(self):
        for places in self.index.values():
            places.sort()

    def query(self, **asked):
        self.calls["Count" if asked.get("Select") else "Query"] += 1
        values = asked["ExpressionAttributeValues"]
        places = self.index[values[":sweep"]["S"]]
        start = (
            bisect_right(places, _place(asked["ExclusiveStartKey"])) if "ExclusiveStartKey" in asked else 0
        )
        end = bisect_right(places, (int(values[":now"]["N"]), "~")) if ":now" in values else len(places)
        stop = min(end, start + asked.get("Limit", ITEMS_OF_A_PAGE))
        found = [self.items[one] for _, one in places[start:stop]]
        answer = {"Items": [dict(item) for item in found], "Count": stop - start}
        return answer | ({"LastEvaluatedKey": dict(found[-1])} if stop < end else {})

    def update_item(self, **asked):
        self.calls["Update"] += 1
        item, values = self.items[asked["Key"]["connection_id"]["S"]], asked["ExpressionAttributeValues"]
        for condition in asked["ConditionExpression"].split(" AND "):
            name, _, value = condition.partition(" = ")
            assert item[name] == values[value], "nobody else is at work here"
        before = _place(item)
        for change in asked["UpdateExpression"].removeprefix("SET ").split(", "):
            name, _, value = change.partition(" = ")
            item[name] = values[value]
        self._move(item["sweep"]["S"], before, _place(item))
        return {}

    def delete_item(self, **asked):
        self.calls["Delete"] += 1
        item = self.items.pop(asked["Key"]["connection_id"]["S"])
        self._move(item["sweep"]["S"], _place(item), None)
        return {"Attributes": item}

    def _move(self, sweep, before, after):
        places = self.index[sweep]
        del places[bisect_right(places, before) - 1]
        if after is not None:
            insort(places, after)


def _place(item):
    return int(item["due_at"]["N"]), item["connection_id"]["S"]


class Crowd:
    """Everybody connected within `seconds`, and the janitor."""

    def __init__(self, seconds, size=MANY):
        self.table, self.poster, self.now = Table(), MemoryManagementApi(), NOW
        for n in range(size):
            at = NOW + n * seconds // size
            self.table.put(Connection(f"c{n:06}", f"user-{n}", at, NOW + 24 * HOUR))
        self.table.sort()
        self.janitor = Janitor(
            upkeep=DynamoSchedule(self.table, "connections"),
            connections=DynamoConnections(self.table, "connections"),
            subscriptions=MemorySubscriptions(MemoryConnections()),
            poster=self.poster,
            clock=lambda: self.now,
        )

    def run(self, at):
        self.now, self.table.calls = NOW + at, Counter()
        return self.janitor.run(1_000), self.table.calls


def pages(items):
    """Queries for so many items: the last page of each partition is not full."""
    return items // PAGE + PARTITIONS


@pytest.fixture(scope="module")
def crowd():
    return Crowd(seconds=600)


def test_with_nothing_due_a_run_is_a_query_for_each_partition_and_the_count(crowd):
    tally, calls = crowd.run(599)

    assert (tally.connections, tally.probed) == (MANY, 0)
    assert calls == {"Query": PARTITIONS, "Count": MANY // ITEMS_OF_A_PAGE + 2}


def test_a_minutes_worth_of_probes_costs_a_write_each(crowd):
    tally, calls = crowd.run(659)

    assert 9_900 < tally.probed < 10_100
    assert calls["Update"] == tally.probed
    assert calls["Query"] <= pages(tally.probed)


def test_the_hand_over_of_all_at_once_costs_two_writes_each():
    crowd = Crowd(seconds=1, size=FEWER)
    # Everything is due at once, as after a janitor that was switched off: the worst of minutes.
    tally, calls = crowd.run(118 * 60 + 1)

    assert tally.handed_over == FEWER
    assert calls["Update"] == 2 * FEWER
    assert calls["Query"] <= pages(FEWER)
    assert {len(frames) for frames in crowd.poster.received.values()} == {1}


def test_the_end_of_all_removes_each_by_one_write():
    crowd = Crowd(seconds=1, size=FEWER)
    tally, calls = crowd.run(2 * HOUR + 62)

    assert (tally.outlived, crowd.table.items) == (FEWER, {})
    assert (calls["Delete"], calls["Update"]) == (FEWER, 0)
