"""The connection handler: what it takes for the end of a connection."""

import json
from pathlib import Path

import pytest

from connection_handler import handler as connection_handler
from connection_handler.handler import handler
from connection_handler.wiring import Stores
from realtime_core.connections.memory import MemoryConnections
from realtime_core.subscriptions.memory import MemorySubscriptions

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def stores(monkeypatch):
    """The handler's stores, in memory."""
    connections = MemoryConnections()
    made = Stores(connections, MemorySubscriptions(connections))
    monkeypatch.setattr(connection_handler, "_stores", lambda: made)
    return made


def connect():
    return handler(json.loads(EVENTS.joinpath("connect.json").read_text()), None)


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
