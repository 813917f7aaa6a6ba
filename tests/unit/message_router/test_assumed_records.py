"""Which record is assumed for whom."""

import pytest

from message_router.assumed_records import (
    RECORD_FILTER_BYTES_MAX,
    RECORDS_MAX,
    YOUNG_SECONDS,
    AssumedRecords,
)
from message_router.caller import Caller
from realtime_core.auth.permissions import Permissions
from realtime_core.connections.base import Connection, Subscription

NOW = 1_795_382_480
HANDSHAKE = Caller("c1", "ann", NOW + 3600, "r", NOW * 1000, NOW, Permissions(("books",)))


@pytest.fixture
def records():
    return AssumedRecords()


def test_new_connection_has_what_the_handshake_made(records):
    assert records.of(HANDSHAKE, NOW + YOUNG_SECONDS - 1) == Connection(
        "c1", "ann", NOW, NOW + 3600, permissions=Permissions(("books",))
    )


@pytest.mark.parametrize(
    ("caller", "now"),
    [
        (HANDSHAKE, NOW + YOUNG_SECONDS),
        (HANDSHAKE, NOW - 1),
        (HANDSHAKE._replace(connected_at=None), NOW),
        (HANDSHAKE._replace(token_exp=NOW), NOW),
    ],
    ids=["older", "of the future", "of unknown age", "with an expired token"],
)
def test_nothing_is_assumed_for_other_connections(records, caller, now):
    assert records.of(caller, now) is None


def test_record_is_assumed_as_the_process_left_it_however_old(records):
    left = Connection("c1", "ann", NOW, NOW + 7200, {"a": Subscription("a", "{}", "g", 0)})
    records.remember(left)
    assert records.of(HANDSHAKE, NOW + 7000) is left
    assert records.of(HANDSHAKE._replace(connection_id="c2"), NOW + 7000) is None


def test_unsubscribe_is_remembered_and_what_else_changes_a_record_forgets_it(records):
    topics = {topic: Subscription(topic, "{}", "g", 0, NOW * 1000) for topic in ("a", "b")}
    records.remember_unsubscribed(
        Connection("c1", "ann", NOW, NOW + 7200, topics, filter_bytes=4), "a", NOW * 1000 + 5
    )
    left = records.of(HANDSHAKE, NOW + 7000)
    assert (set(left.subscriptions), left.unsubscribed, left.filter_bytes) == (
        {"b"},
        {"a": NOW * 1000 + 5},
        2,
    )
    records.forget("c1")
    assert records.of(HANDSHAKE, NOW + 7000) is None


def test_large_record_is_not_remembered_nor_what_it_was_before(records):
    def record(size):
        text = "x" * size
        return Connection("c1", "ann", NOW, NOW + 7200, {"a": Subscription("a", text, "g", 0)})

    records.remember(record(RECORD_FILTER_BYTES_MAX))
    assert records.of(HANDSHAKE, NOW + 7000) is not None
    records.remember(record(RECORD_FILTER_BYTES_MAX + 1))
    assert records.of(HANDSHAKE, NOW + 7000) is None


def test_records_that_were_left_first_are_forgotten_first(records):
    for number in range(RECORDS_MAX + 1):
        records.remember(Connection(f"c{number}", "ann", NOW, NOW + 7200))
    known = [
        records.of(HANDSHAKE._replace(connection_id=f"c{number}"), NOW + 7000) is not None
        for number in range(RECORDS_MAX + 1)
    ]
    assert known == [False] + [True] * RECORDS_MAX
