"""A hundred thousand connections: the cost of a run grows with what is due, not with what there is.

The DynamoDB adapters run over a table in memory that keeps its index sorted as DynamoDB does.
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
"""Used if all are due at once: the cost grows with their number, so fewer show it as well."""
# Outside limit: a page of a query ends at 1 MB, and an item of the index takes about 150 bytes.
ITEMS_OF_A_PAGE = 7_000


class Table:
    """A DynamoDB client with the calls that the janitor makes, counted."""

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

    def query(self, **parameters):
        self.calls["Count" if parameters.get("Select") else "Query"] += 1
        values = parameters["ExpressionAttributeValues"]
        places = self.index[values[":sweep"]["S"]]
        start = (
            bisect_right(places, _place(parameters["ExclusiveStartKey"]))
            if "ExclusiveStartKey" in parameters
            else 0
        )
        end = bisect_right(places, (int(values[":now"]["N"]), "~")) if ":now" in values else len(places)
        stop = min(end, start + parameters.get("Limit", ITEMS_OF_A_PAGE))
        items = [self.items[connection_id] for _, connection_id in places[start:stop]]
        response = {"Items": [dict(item) for item in items], "Count": stop - start}
        return response | ({"LastEvaluatedKey": dict(items[-1])} if stop < end else {})

    def update_item(self, **parameters):
        self.calls["Update"] += 1
        item, values = (
            self.items[parameters["Key"]["connection_id"]["S"]],
            parameters["ExpressionAttributeValues"],
        )
        for condition in parameters["ConditionExpression"].split(" AND "):
            name, _, value = condition.partition(" = ")
            assert item[name] == values[value], "no other run is at work here"
        before = _place(item)
        for change in parameters["UpdateExpression"].removeprefix("SET ").split(", "):
            name, _, value = change.partition(" = ")
            item[name] = values[value]
        self._move(item["sweep"]["S"], before, _place(item))
        return {}

    def get_item(self, **parameters):
        self.calls["Get"] += 1
        return {"Item": self.items[parameters["Key"]["connection_id"]["S"]]}

    def delete_item(self, **parameters):
        self.calls["Delete"] += 1
        item = self.items.pop(parameters["Key"]["connection_id"]["S"])
        self._move(item["sweep"]["S"], _place(item), None)
        return {"Attributes": item}

    def _move(self, sweep, before, reschedule):
        places = self.index[sweep]
        del places[bisect_right(places, before) - 1]
        if reschedule is not None:
            insort(places, reschedule)


def _place(item):
    return int(item["due_at"]["N"]), item["connection_id"]["S"]


class ManyConnections:
    """Connections that were opened within `seconds`, and a janitor."""

    def __init__(self, seconds, size=MANY):
        self.table, self.poster, self.now = Table(), MemoryManagementApi(), NOW
        for n in range(size):
            at = NOW + n * seconds // size
            self.table.put(Connection(f"c{n:06}", f"user-{n}", at, NOW + 24 * HOUR))
        self.table.sort()
        self.janitor = Janitor(
            schedule=DynamoSchedule(self.table, "connections"),
            connections=DynamoConnections(self.table, "connections"),
            subscriptions=MemorySubscriptions(MemoryConnections()),
            poster=self.poster,
            clock=lambda: self.now,
        )

    def run(self, at):
        self.now, self.table.calls = NOW + at, Counter()
        return self.janitor.run(1_000), self.table.calls


def pages(items):
    """How many queries so many items take: the last page of each partition is not full."""
    return items // PAGE + PARTITIONS


@pytest.fixture(scope="module")
def connections():
    return ManyConnections(seconds=600)


def test_run_with_nothing_due_takes_a_query_for_each_partition_and_the_count(connections):
    report, calls = connections.run(599)

    assert (report.connections, report.probed) == (MANY, 0)
    assert calls == {"Query": PARTITIONS, "Count": MANY // ITEMS_OF_A_PAGE + 2}


def test_probes_of_a_minute_take_a_write_each(connections):
    report, calls = connections.run(659)

    assert 9_900 < report.probed < 10_100
    assert calls["Update"] == report.probed
    assert calls["Query"] <= pages(report.probed)


def test_hand_over_of_all_at_once_takes_two_writes_each():
    connections = ManyConnections(seconds=1, size=FEWER)
    # Everything is due at once, as after the janitor was switched off: the worst case.
    report, calls = connections.run(118 * 60 + 1)

    assert report.handed_over == FEWER
    assert calls["Update"] == 2 * FEWER
    assert calls["Query"] <= pages(FEWER)
    assert {len(frames) for frames in connections.poster.received.values()} == {1}


def test_removal_of_all_at_once_takes_one_read_and_one_write_each():
    connections = ManyConnections(seconds=1, size=FEWER)
    report, calls = connections.run(2 * HOUR + 62)

    assert (report.outlived, connections.table.items) == (FEWER, {})
    assert (calls["Get"], calls["Delete"], calls["Update"]) == (FEWER, FEWER, 0)
