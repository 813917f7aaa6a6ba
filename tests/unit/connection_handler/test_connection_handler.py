"""The connection handler: what it takes for the end of a connection."""

import json
import time
from pathlib import Path

import pytest

from connection_handler import handler as connection_handler
from connection_handler.connection_limit import HAND_OVERS, ConnectionLimit
from connection_handler.handler import handler
from connection_handler.room import Room
from connection_handler.wiring import Stores
from realtime_core.auth.permissions import Permissions
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions

EVENTS = Path(__file__).parents[2] / "events"
USER = json.loads(EVENTS.joinpath("connect.json").read_text())["requestContext"]["authorizer"]["userId"]


@pytest.fixture
def stores(monkeypatch):
    """The handler's stores, in memory."""
    connections = MemoryConnections()
    subscriptions = MemorySubscriptions(connections)
    gateway = MemoryManagementApi()
    room = Room(connections, subscriptions, gateway, replace_oldest=False)
    made = Stores(connections, subscriptions, ConnectionLimit(connections, 3, lambda: room))
    monkeypatch.setattr(connection_handler, "_stores", lambda: made)
    return made


def connect(**context):
    event = json.loads(EVENTS.joinpath("connect.json").read_text())
    event["requestContext"]["authorizer"] |= context
    return handler(event, None)


def test_record_has_the_permissions_of_the_context(stores):
    connect(topics="books.* private.a", recipients="!")
    [record] = stores.connections.records.values()
    assert record.permissions == Permissions(("books.*", "private.a"), ())


def test_connection_beyond_the_maximum_and_two_hand_overs_is_answered_429(stores, capsys):
    now = int(time.time())
    for number in range(3 + HAND_OVERS - 1):
        stores.connections.add(Connection(f"c{number}", USER, now - 60, now + 3600))
    assert connect()["statusCode"] == 200

    stores.connections.add(Connection("last", USER, now - 60, now + 3600))
    before = dict(stores.connections.records)
    assert connect() == {"statusCode": 429}
    assert stores.connections.records == before
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["event"] == "connect_refused"]
    assert (line["userId"], line["status"], line["reason"]) == (USER, 429, "too_many_connections")
    assert [line["ConnectionsRefused"] for line in lines if "ConnectionsRefused" in line] == [1]


@pytest.mark.parametrize("gone", [1, 3])
def test_connection_of_a_user_whose_others_are_gone_is_admitted(stores, gone):
    now = int(time.time())
    for number in range(3 + HAND_OVERS):
        stores.connections.add(Connection(f"c{number}", USER, now - 60, now + 3600))
        if number < gone:
            stores.limit._build_room()._management_api.answers[f"c{number}"] = [410]
    assert connect()["statusCode"] == 200
    assert len(stores.connections.records) == 3 + HAND_OVERS - gone + 1


def test_handshake_whose_connections_cannot_be_counted_is_our_fault(stores):
    stores.connections.down = True
    assert connect()["statusCode"] == 500


def test_a_handshake_whose_record_cannot_be_stored_is_refused(stores):
    """Else the connection would open without a record, and never receive anything."""
    stores.connections.down = True
    assert connect()["statusCode"] == 500
    stores.connections.down = False
    assert (connect()["statusCode"], len(stores.connections.records)) == (200, 1)


def test_the_user_agent_is_in_the_line_of_the_handshake_as_far_as_it_is_read(stores, capsys):
    event = json.loads(EVENTS.joinpath("connect.json").read_text())
    event["requestContext"]["identity"]["userAgent"] = "a" * 5_000

    handler(event, None)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["userAgent"] for line in lines if line["event"] == "connected"] == ["a" * 256]


def test_a_leave_that_fails_midway_is_finished_by_the_sender_that_finds_the_connection_gone(stores):
    connect()
    [connection_id] = stores.connections.records
    stores.subscriptions.subscribe(connection_id, "a", "{}", 0)
    event = json.loads(EVENTS.joinpath("disconnect.json").read_text())
    event["requestContext"]["connectionId"] = connection_id

    stores.subscriptions.down = True
    assert handler(event, None)["statusCode"] == 500
    assert list(stores.connections.records) == [connection_id]

    stores.subscriptions.down = False
    assert handler(event, None)["statusCode"] == 200
    [group] = stores.subscriptions.groups("a", 0)
    assert [members for _, members in stores.subscriptions.members([group], 0)] == [[]]
    assert stores.connections.records == {}


def test_a_message_that_reached_the_route_of_leaving_is_not_taken_for_leaving(capsys):
    """A client may name `$disconnect` as its action. Touching a store would fail here: no settings."""
    request = {
        "connectionId": "c1",
        "requestId": "r1",
        "eventType": "MESSAGE",
        "routeKey": "$disconnect",
    }
    assert handler({"requestContext": request, "body": '{"action":"$disconnect"}'}, None) == {
        "statusCode": 200
    }
    assert json.loads(capsys.readouterr().out)["event"] == "route_refused"
