"""`Publisher` with other Regions: what is accepted is forwarded once, and what was forwarded never again."""

import json

import pytest

from broadcast import handler
from broadcast.forwarding import Forwarding
from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher
from broadcast.subscribers import Subscribers
from broadcast.wiring import Broadcast
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.forwarding.memory import MemoryForwards
from realtime_core.history.memory import MemoryHistory
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import (
    MemoryDeadLetterQueue,
    MemoryDeliveries,
    MemoryEventsQueue,
    MemoryManagementApi,
)
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.envelopes import unwrap
from realtime_core.wire.forwarded import FORWARDED_BYTES_MAX, Origin

NOW = 1_795_382_480
DEAL = {"messageType": "deal", "topic": "books", "data": {"price": 9}, "eventId": "e1"}
NOTIFICATION = {"messageType": "alert", "recipients": ["ann"], "data": {"title": "x"}, "eventId": "n1"}


def bus(region):
    return f"arn:aws:events:{region}:123456789012:event-bus/deals"


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self):
        return 30_000


class Region:
    """The function `broadcast` of one Region on twins, whose clock is its own; Ann is connected."""

    def __init__(self, name, *others, now=NOW, messages=None):
        self.connections, self.history = MemoryConnections(), MemoryHistory()
        self.messages = MemoryMessages() if messages is None else messages
        self.subscriptions = MemorySubscriptions(self.connections)
        self.deliveries, self.management_api = MemoryDeliveries(), MemoryManagementApi()
        self.forwards, self.dead_letters = MemoryForwards(), MemoryDeadLetterQueue()
        self.events = MemoryEventsQueue()
        forwarding = Forwarding(self.forwards, tuple(map(bus, others)), f"deals@{name}") if others else None
        publisher = Publisher(
            subscribers=Subscribers(self.subscriptions, GroupIndex(self.subscriptions)),
            inboxes=Inboxes(self.messages, self.connections),
            admission=self.history,
            deliveries=self.deliveries,
            pusher=Pusher(self.management_api, self.connections, self.subscriptions, self.deliveries),
            direct_max=100,
            now=lambda: now,
            forwarding=forwarding,
        )
        self.broadcast = Broadcast(publisher, self.dead_letters, self.events, forwarding)
        self.connections.add(Connection("c1", "ann", NOW, NOW + 9999))
        self.subscriptions.subscribe("c1", "books", "{}", NOW)

    @property
    def heard(self):
        return [json.loads(text) for text in self.management_api.received.get("c1", [])]

    @property
    def inbox(self):
        return self.messages.inbox("ann", None, 10, None, NOW)[0]


@pytest.fixture
def invoke(monkeypatch):
    def invoke(region, payload):
        monkeypatch.setattr(handler, "_broadcast", lambda: region.broadcast)
        return handler.handler(payload, Context())

    return invoke


@pytest.fixture
def carry(invoke):
    """Take what is queued for other Regions there, as EventBridge does; returns how many events."""

    def carry(source, target):
        carried, source.forwards.queued = source.forwards.queued, []
        for forward in carried:
            envelope = {"id": "b-1", "detail-type": "ForwardedEvent", "detail": json.loads(forward.text)}
            record = {"eventSource": "aws:sqs", "messageId": "m1", "body": json.dumps(envelope)}
            assert invoke(target, {"Records": [record]}) == {"batchItemFailures": []}
        return len(carried)

    return carry


def test_accepted_event_is_forwarded_once_to_each_bus_with_its_id_and_time(invoke):
    region = Region("eu-west-1", "us-east-1", "ap-south-1")

    for _ in range(2):
        assert invoke(region, DEAL)["statusCode"] == 200

    assert [forward.bus_arn for forward in region.forwards.queued] == [bus("us-east-1"), bus("ap-south-1")]
    for forward in region.forwards.queued:
        carried = unwrap(forward.text)
        assert (carried.raw, carried.origin) == (DEAL, Origin("deals@eu-west-1", NOW * 1000))


def test_event_without_an_id_is_forwarded_under_the_id_that_it_got(invoke):
    region = Region("eu-west-1", "us-east-1")
    invoke(region, {key: value for key, value in DEAL.items() if key != "eventId"})
    assert unwrap(region.forwards.queued[0].text).raw["eventId"] == "request-1"


@pytest.mark.parametrize("event", [DEAL, NOTIFICATION])
def test_event_reaches_both_regions_once_and_never_loops(invoke, carry, event):
    here, there = Region("eu-west-1", "us-east-1"), Region("us-east-1", "eu-west-1")

    invoke(here, event)

    assert carry(here, there) == 1
    assert carry(there, here) == 0
    assert [len(region.heard) for region in (here, there)] == [1, 1]
    assert {region.heard[0]["eventId"] for region in (here, there)} == {event["eventId"]}


def test_event_whose_mark_was_lost_comes_back_once_and_stops(invoke):
    """The second line of defence: an event id is published once in each Region."""
    here, there = Region("eu-west-1", "us-east-1"), Region("us-east-1", "eu-west-1")
    invoke(here, DEAL)
    invoke(there, unwrap(here.forwards.queued.pop().text).raw)
    invoke(here, unwrap(there.forwards.queued.pop().text).raw)
    assert (here.forwards.queued, there.forwards.queued) == ([], [])
    assert [len(region.heard) for region in (here, there)] == [1, 1]


def test_forwarded_notification_is_the_same_inbox_entry_in_both_regions(invoke, carry):
    """So Regions that share the inboxes store one, though the second accepts it hours later."""
    messages = MemoryMessages()
    here = Region("eu-west-1", "us-east-1", messages=messages)
    there = Region("us-east-1", "eu-west-1", messages=messages, now=NOW + 7200)

    invoke(here, NOTIFICATION)
    carry(here, there)

    assert [message.created_at for message in here.inbox] == [NOW]
    assert {region.heard[0]["data"]["messageId"] for region in (here, there)} == {here.inbox[0].message_id}


def test_queue_that_fails_keeps_the_answer_back_but_not_the_push(invoke):
    region = Region("eu-west-1", "us-east-1")
    region.forwards.down = True
    with pytest.raises(StoreUnavailable):
        invoke(region, DEAL)
    assert len(region.heard) == 1

    region.forwards.down = False
    assert invoke(region, DEAL)["statusCode"] == 200
    assert len(region.forwards.queued) == 1
    assert {frame["eventId"] for frame in region.heard} == {"e1"}


def test_events_of_an_envelope_are_each_forwarded_and_what_cannot_be_is_tried_again(invoke):
    region = Region("eu-west-1", "us-east-1")
    events = [{**DEAL, "eventId": f"e{number}"} for number in range(3)]
    send = region.forwards.send

    def refuse_one(forwards):
        if any('"e1"' in forward.text for forward in forwards):
            raise StoreUnavailable("the queue refuses it")
        send(forwards)

    region.forwards.send = refuse_one
    results = json.loads(invoke(region, {"events": events})["body"])["results"]

    assert [result["broadcast"] for result in results] == ["success", "failed", "success"]
    assert [json.loads(body)["eventId"] for body in region.events.bodies] == ["e1"]
    assert len(region.forwards.queued) == 2

    region.forwards.send = send
    invoke(region, json.loads(region.events.bodies[0]))
    assert len(region.forwards.queued) == 3


def test_event_that_could_not_be_forwarded_is_refused_before_anyone_has_it(invoke):
    region = Region("eu-west-1", "us-east-1")
    large = {"messageType": "deal", "recipients": ["ann"], "data": {"text": "x" * 128_000}}
    large["filters"] = {"text": "y" * 130_000}

    response = invoke(region, large)

    assert response["statusCode"] == 400
    assert str(FORWARDED_BYTES_MAX) in response["body"]
    assert (region.heard, region.forwards.queued) == ([], [])
    assert len(region.dead_letters.entries) == 1
    assert invoke(Region("eu-west-1"), large)["statusCode"] == 200
