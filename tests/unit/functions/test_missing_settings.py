"""A function without its settings loads, and says at each invocation what to set."""

import json

import pytest

from authorizer import handler as authorizer
from broadcast import handler as broadcast
from connection_handler import handler as connection_handler
from delivery import handler as delivery
from forwarder import handler as forwarder
from index_projector import handler as index_projector
from janitor import handler as janitor
from message_router import handler as message_router
from realtime_core.errors import SettingsInvalid
from redis_relay import handler as redis_relay
from tests.unit.delivery.test_delivery import Clock

REQUEST = {"connectionId": "c1", "requestId": "r1", "eventType": "DISCONNECT"}
DEAL = {"messageType": "deal", "topic": "books", "data": {}}
EVENTS = {
    authorizer: {"requestContext": REQUEST, "headers": {"Authorization": "Bearer t"}, "methodArn": "arn"},
    connection_handler: {"requestContext": REQUEST},
    message_router: {"requestContext": REQUEST, "body": json.dumps({"action": "ping"})},
    broadcast: DEAL,
    delivery: {"Records": []},
    forwarder: {"Records": []},
    janitor: {},
    index_projector: {"task": "tend"},
    redis_relay: {},
}


@pytest.mark.parametrize("function", EVENTS, ids=lambda function: function.__name__)
def test_each_invocation_names_the_settings_that_are_missing(function):
    for _ in range(2):
        with pytest.raises(SettingsInvalid, match=r"[A-Z_]+ is not set; set it to"):
            function.handler(EVENTS[function], Clock(60))
