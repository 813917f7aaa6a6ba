"""The connection handler: what it takes for the end of a connection."""

import json

from connection_handler.handler import handler


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
