"""Records carry the schema version of their kind, and what a newer release wrote is left alone.

A record without a version is of version 1: docs/schema.md.
"""

import pytest

from message_router.look_back import look_back
from message_router.lookup import DynamoConnectionLookup
from message_router.resume import resume
from realtime_core.auth.base import Revocation
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.errors import ConnectionUnknown, NotFound, StoreUnavailable
from realtime_core.filters.filters import load_filter
from realtime_core.schema import KINDS, SCHEMA, RecordKind
from tests.contract.history.conftest import history_on_dynamodb
from tests.contract.support.admitted import BEGAN, NOW_MS, new_event, publish
from tests.contract.support.cases import ANY, NOW, connection, inbox, message

NEWER = {"N": "2"}


@pytest.fixture
def dynamo(dynamodb):
    return history_on_dynamodb(dynamodb)


def records(dynamodb, table):
    """The items of a table that are read whole."""
    structures = ("unread#", "counter", "floor", "inflight", "s#", "c#", "health", "lease")
    return [
        item
        for item in dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
        if not any(value.get("S", "").startswith(structures) for value in _keys(item))
    ]


def _keys(item):
    return [item[name] for name in ("pk", "sk") if name in item]


def write_again(dynamodb, table, version):
    """Let the records of a table be of another version; None: of a release that knew none."""
    for item in records(dynamodb, table):
        item.pop(SCHEMA, None)
        dynamodb.put_item(TableName=table, Item=item | ({SCHEMA: version} if version else {}))


@pytest.fixture
def told(dynamodb, published):
    """Return how often a newer record was met since the last call."""
    return lambda: sum(published().get(("NewerRecords",), []))


def fill(dynamodb, stores, dynamo):
    """A record of every kind."""
    stores.connections.add(connection())
    stores.messages.put(message(), "request-1")
    publish(dynamo, "e-1", NOW_MS)
    DynamoRevocations(dynamodb, "revocations").revoke(Revocation("eve", NOW, NOW))


def test_each_kind_of_record_is_written_with_its_version(dynamodb, dynamo_stores, dynamo):
    fill(dynamodb, dynamo_stores, dynamo)
    tables = ("connections", "messages", "history", "revocations")
    stored = [item for table in tables for item in records(dynamodb, table)]
    assert len(stored) == len(KINDS) == 6
    assert {item[SCHEMA]["N"] for item in stored} == {str(kind.version) for kind in KINDS} == {"1"}


def test_records_without_a_version_are_read_as_ever(dynamodb, dynamo_stores, dynamo, told):
    fill(dynamodb, dynamo_stores, dynamo)
    for table in ("connections", "messages", "history", "revocations"):
        write_again(dynamodb, table, None)
    assert dynamo_stores.connections.get("c1") == connection()
    assert dynamo_stores.messages.put(message(), "request-1") == message()
    assert inbox(dynamo_stores) == ([message()], None)
    assert [event.position for page in dynamo.history.events(BEGAN, BEGAN) for event in page.events] == [
        BEGAN
    ]
    assert DynamoRevocations(dynamodb, "revocations").refusal("eve", None, NOW)
    assert told() == 0


def test_newer_record_of_a_connection_is_as_good_as_none(dynamodb, dynamo_stores, told):
    """So its client reconnects, and gets a record that this release writes."""
    dynamo_stores.connections.add(connection())
    write_again(dynamodb, "connections", NEWER)
    lookup = DynamoConnectionLookup(dynamodb, "connections", "history")
    assert dynamo_stores.connections.get("c1") is None
    assert dynamo_stores.connections.get_all(["c1"]) == []
    assert lookup.start_record("c1").result() == (None, None)
    assert lookup.start_newest("c1").result() == (None, 0)
    assert dynamo_stores.connections.extend("c1", connection().token_exp + 60) is None
    with pytest.raises(ConnectionUnknown):
        dynamo_stores.subscriptions.subscribe("c1", "books", ANY, NOW)
    assert told() == 6


def test_newer_record_of_a_connection_that_closes_is_removed(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    write_again(dynamodb, "connections", NEWER)
    assert dynamo_stores.connections.remove("c1") is None
    assert records(dynamodb, "connections") == []


def test_record_that_became_newer_is_not_removed_by_what_was_known_of_it(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    before = dynamo_stores.connections.get("c1")
    dynamo_stores.subscriptions.subscribe("c1", "books", ANY, NOW)
    write_again(dynamodb, "connections", NEWER)
    assert dynamo_stores.connections.remove("c1", known=before) is None
    (kept,) = records(dynamodb, "connections")
    assert kept[SCHEMA] == NEWER


def test_newer_entries_of_an_inbox_are_left_out_and_kept(dynamodb, dynamo_stores, told):
    dynamo_stores.messages.put(message(1), None)
    write_again(dynamodb, "messages", NEWER)
    dynamo_stores.messages.put(message(2), None)
    assert inbox(dynamo_stores) == ([message(2)], None)
    assert inbox(dynamo_stores, limit=1) == ([message(2)], None)
    assert told() == 2
    newer = message(1).message_id
    assert dynamo_stores.messages.get("ben", newer, NOW) is None
    with pytest.raises(NotFound):
        dynamo_stores.messages.acknowledge("ben", newer, "read", NOW)
    write_again(dynamodb, "messages", {"N": "1"})
    assert inbox(dynamo_stores) == ([message(1), message(2)], None)


def test_newer_entry_is_marked_as_delivered_without_being_read(dynamodb, dynamo_stores):
    """That takes no read, and a status keeps its meaning."""
    dynamo_stores.messages.put(message(), None)
    write_again(dynamodb, "messages", NEWER)
    with pytest.raises(NotFound):
        dynamo_stores.messages.acknowledge("ben", message().message_id, "delivered", NOW)
    write_again(dynamodb, "messages", {"N": "1"})
    assert inbox(dynamo_stores) == ([message()._replace(status="delivered", delivered_at=NOW)], None)


def test_first_newer_record_of_a_kind_is_logged_and_each_is_counted(dynamodb, dynamo, published, caplog):
    kind = RecordKind("event", 3)
    for version in ("4", "5", "3", "1"):
        kind.is_readable({SCHEMA: {"N": version}})
    assert kind.is_readable({})
    assert [record.msg for record in caplog.records] == ["newer_record"]
    assert sum(published()[("NewerRecords",)]) == 2


def test_page_of_newer_entries_alone_goes_on(dynamodb, dynamo_stores):
    for number in range(3):
        dynamo_stores.messages.put(message(number), None)
    write_again(dynamodb, "messages", NEWER)
    dynamo_stores.messages.put(message(9), None)
    assert inbox(dynamo_stores, limit=1) == ([message(9)], None)


def test_request_that_a_newer_release_stored_is_not_stored_again(dynamodb, dynamo_stores):
    dynamo_stores.messages.put(message(1), "request-1")
    write_again(dynamodb, "messages", NEWER)
    before = records(dynamodb, "messages")
    for again in (message(1), message(2)):
        with pytest.raises(StoreUnavailable, match=r"newer release.*version 2.*1"):
            dynamo_stores.messages.put(again, "request-1")
    assert records(dynamodb, "messages") == before


def test_history_with_newer_events_is_resumed_with_a_gap(dynamodb, dynamo, told):
    """Its clients fetch the current state, and what comes afterwards arrives."""
    publish(dynamo, "e-1", NOW_MS)
    publish(dynamo, "e-2", NOW_MS)
    write_again(dynamodb, "history", NEWER)
    for since in (BEGAN - 1, BEGAN, BEGAN + 1):
        resumed = resume(dynamo.history, since, "all-deals", load_filter(ANY), NOW_MS // 1000)
        assert (resumed.position, resumed.recovered, resumed.events) == (BEGAN + 1, False, [])
    assert told() == 3


def test_look_back_leaves_newer_events_out(dynamodb, dynamo, told):
    publish(dynamo, "e-1", NOW_MS)
    write_again(dynamodb, "history", NEWER)
    publish(dynamo, "e-2", NOW_MS)
    found = look_back(dynamo.history, 10, "all-deals", load_filter(ANY), NOW_MS // 1000)
    assert [event["eventId"] for event in found.events] == ["e-2"]
    assert told() == 1


def test_event_that_a_newer_release_published_is_not_published_again(dynamodb, dynamo):
    """It waits in its queue until the newer release is back."""
    publish(dynamo, "e-1", NOW_MS)
    write_again(dynamodb, "history", NEWER)
    before = records(dynamodb, "history")
    (refused,) = dynamo.admission.claim_all([new_event("e-1")], NOW_MS + 60_000)
    assert isinstance(refused, StoreUnavailable)
    assert "newer release" in str(refused)
    assert records(dynamodb, "history") == before


def test_newer_revocation_lets_nobody_in(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    revocations.revoke(Revocation("eve", NOW, NOW))
    write_again(dynamodb, "revocations", NEWER)
    with pytest.raises(StoreUnavailable, match="newer release"):
        revocations.refusal("eve", None, NOW + 100)
    assert not revocations.refusal("ann", None, NOW)
