"""The model of an index's lag: it shows each item as it was some milliseconds ago."""

from __future__ import annotations

import pytest

from local_cloud.limits.dynamodb import KeyNames, name_item
from local_cloud.limits.index_lag import IndexLag, IndexShape, TableShape, read_table_shape

LAG_MS = 500
QUERY = {"TableName": "t", "IndexName": "by_user"}


def shape(attributes=None):
    index = IndexShape(KeyNames("user"), attributes and frozenset(attributes))
    return TableShape(KeyNames("pk"), {"by_user": index})


def item(pk="1", user="ann", **attributes):
    strings = {"pk": pk, "user": user, **attributes}
    return {name: {"S": text} for name, text in strings.items()}


class Table:
    """Notes writes with an IndexLag, at times that the test sets."""

    def __init__(self):
        self.time = 10.0
        self.lag = IndexLag(lambda: self.time)
        self.items = {}

    def put(self, new):
        name = name_item("t", new, KeyNames("pk"))
        self.lag.note(name, self.items.get(name), LAG_MS)
        self.items[name] = new

    def query(self, table_shape=None, **parameters):
        response = {"Items": list(self.items.values()), "Count": len(self.items), "ScannedCount": 9}
        return self.lag.correct(response, QUERY | parameters, table_shape or shape(), LAG_MS)


@pytest.fixture
def table():
    return Table()


def test_new_item_appears_after_the_lag(table):
    table.put(item())
    table.time += 0.499
    assert table.query() == {"Items": [], "Count": 0, "ScannedCount": 9}
    table.time += 0.001
    assert table.query() == {"Items": [item()], "Count": 1, "ScannedCount": 9}


def test_changed_item_shows_its_state_of_that_time_through_several_changes(table):
    for number in range(4):
        table.put(item(a=str(number)))
        table.time += 0.2
    # Written at 10.0, 10.2, 10.4 and 10.6; it is 10.8 now.
    assert table.query()["Items"] == [item(a="1")]
    table.time += 0.2
    assert table.query()["Items"] == [item(a="2")]
    table.time += 1
    assert table.query()["Items"] == [item(a="3")]


def test_item_that_moved_to_another_key_is_not_there_yet(table):
    table.put(item(user="ben"))
    table.time += 1
    table.put(item(user="ann"))
    assert table.query()["Items"] == []
    table.time += 1
    assert table.query()["Items"] == [item(user="ann")]


def test_earlier_state_has_only_what_the_index_holds_or_the_query_asks_for(table):
    table.put(item(a="old", b="x"))
    table.time += 1
    table.put(item(a="new"))

    assert table.query()["Items"] == [item(a="old", b="x")]
    assert table.query(shape({"pk", "user", "b"}))["Items"] == [item(b="x")]
    assert table.query(ProjectionExpression="#a")["Items"] == [item(a="old")]


def test_shape_of_a_table_is_read_from_its_description():
    def keys(hash_key, *range_key):
        names = zip((hash_key, *range_key), ("HASH", "RANGE"), strict=False)
        return [{"AttributeName": name, "KeyType": kind} for name, kind in names]

    description = {
        "Table": {
            "KeySchema": keys("pk", "sk"),
            "GlobalSecondaryIndexes": [
                {"IndexName": "all", "KeySchema": keys("a"), "Projection": {"ProjectionType": "ALL"}},
                {
                    "IndexName": "some",
                    "KeySchema": keys("b", "c"),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["d"]},
                },
            ],
        }
    }
    assert read_table_shape(description) == TableShape(
        KeyNames("pk", "sk"),
        {
            "all": IndexShape(KeyNames("a"), None),
            "some": IndexShape(KeyNames("b", "c"), frozenset({"pk", "sk", "b", "c", "d"})),
        },
    )
