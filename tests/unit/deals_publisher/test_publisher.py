"""The publisher package accepts exactly the events that the service accepts."""

import json
import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deals_publisher import Event, Guarantee, InvalidArgument, Published, Publisher
from deals_publisher.validation import encode_json
from realtime_core.errors import ValidationFailed
from realtime_core.wire import strict_json
from realtime_core.wire.events import parse_event

NAIVE = datetime(2027, 1, 1)  # noqa: DTZ001 - without a time zone


class RecordingTransport:
    """A transport that keeps the events it is given."""

    def __init__(self):
        self.events = []

    def send(self, event):
        self.events.append(event)
        return Published(event["eventId"], Guarantee.ACCEPTED)

    def send_all(self, events):
        return [self.send(event) for event in events]


@pytest.fixture
def transport():
    return RecordingTransport()


# Mostly valid, sometimes just not, so that both sides of every rule are reached.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1])
    | st.floats()
    | st.text(st.characters(), max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
IDS = st.text("aZ0._:@|- /\n", min_size=1, max_size=4) | st.sampled_from(["", "x" * 128, "x" * 129, None])
TOPICS = st.text("az09-.A", max_size=4) | st.sampled_from(["a" * 64, "a" * 65, "a.b", "a..b", "all-deals"])
TIMES = st.integers(10**9 - 1, 10**10) | st.sampled_from(
    [10**9, 10**10 - 1, 1_795_382_480.0, 1_795_382_480.5, True, "1795382480", math.nan, [1]]
)
TYPES = st.text("aZ0_.- ", max_size=3) | st.sampled_from(["x" * 64, "x" * 65, "dealUpdate"])


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def publish(call):
    """The event that was sent, or the argument that was refused."""
    transport = RecordingTransport()
    try:
        call(Publisher(transport))
    except InvalidArgument as error:
        return error.argument
    return transport.events[0]


def fields_refused_by_service(event):
    """The fields that the service refuses; empty if it accepts the event."""
    try:
        parse_event(event)
    except ValidationFailed as error:
        return {problem.field for problem in error.problems}
    return set()


def assert_service_agrees(sent, event, arguments):
    """The package sent or refused as the service would; `arguments` by field."""
    refused = fields_refused_by_service(event)
    if isinstance(sent, dict):
        assert not refused
        assert sent == json.loads(encode_json(sent)) == event | {"eventId": sent["eventId"]}
    else:
        assert refused, f"only the package refuses {sent}"
        if is_readable(event):  # the service names no field of JSON that it cannot parse
            fields = {arguments[field.partition("[")[0]] for field in refused}
            assert sent.partition(".")[0].partition("[")[0] in fields


def is_readable(event):
    """Whether the service can parse it as JSON."""
    try:
        strict_json.loads(strict_json.dumps(event))
    except ValueError:
        return False
    return True


@given(TOPICS, st.dictionaries(st.text(st.characters(), max_size=3), VALUES, max_size=3), TYPES,
       st.none() | st.dictionaries(st.text(max_size=3), VALUES, max_size=2), IDS)  # fmt: skip
@example("books", {"x": nested(62)}, "m", None, None)
@example("books", {"x": nested(63)}, "m", None, None)
@example("books", {}, "m", {"x": nested(63)}, None)
@example("books", {"x": "\ud800"}, "m", None, None)
@example("books", {"x": math.nan}, "m", None, None)
@example("books", {"x": "x" * 70_000}, "m", {"x": "x" * 61_000}, None)
@example("books", {"x": "x" * 70_000}, "m", {"x": "x" * 60_000}, None)
def test_event_is_sent_exactly_if_the_service_accepts_it(topic, data, message_type, filters, event_id):
    sent = publish(
        lambda deals: deals.publish_event(
            topic, data, message_type=message_type, filters=filters, event_id=event_id
        )
    )
    event = {"topic": topic, "data": data, "messageType": message_type}
    event |= {} if filters is None else {"filters": filters}
    event |= {} if event_id is None else {"eventId": event_id}
    arguments = {"topic": "topic", "data": "data", "messageType": "message_type", "filters": "filters",
                 "eventId": "event_id", "event": "data"}  # fmt: skip
    assert_service_agrees(sent, event, arguments)


@given(TIMES)
def test_end_of_an_event_is_sent_exactly_if_the_service_accepts_it(expires_at):
    event = {"topic": "books", "data": {}, "messageType": "m", "expiresAt": expires_at}
    sent = publish(lambda deals: deals.publish_event("books", {}, message_type="m", expires_at=expires_at))
    assert_service_agrees(sent, event, {"expiresAt": "expires_at", "event": "expires_at"})


def test_end_may_be_a_datetime_with_a_time_zone(transport):
    deals, end = Publisher(transport), datetime(2026, 11, 28, 12, tzinfo=timezone(timedelta(hours=2)))
    deals.publish_event("books", {}, expires_at=end)
    deals.publish_events([Event("books", {}, expires_at=end)])
    deals.publish_message("ann", "hello", expires_at=end)
    deals.notify_users(["ann"], "t", "m", expires_at=end)
    assert [event["expiresAt"] for event in transport.events] == [1_795_860_000] * 4


@given(st.lists(IDS, max_size=4), st.dictionaries(st.text("ab", max_size=2), VALUES, max_size=2), TYPES)
def test_notification_is_sent_exactly_if_the_service_accepts_it(users, data, message_type):
    sent = publish(lambda deals: deals.notify_users(users, "t", "m", data=data, message_type=message_type))
    event = {"recipients": users, "data": {"title": "t", "message": "m", **data}, "messageType": message_type}
    if isinstance(sent, dict):
        event["recipients"] = list(dict.fromkeys(users))
    assert_service_agrees(
        sent, event, {"recipients": "user_ids", "data": "data", "messageType": "message_type"}
    )


@pytest.mark.parametrize("character", ["x", "é", '"'])
def test_largest_event_that_is_sent_is_the_largest_that_the_service_accepts(character):
    largest = find_largest_accepted(
        lambda size: {"messageType": "m", "topic": "a", "data": {"x": character * size}, "eventId": "e"}
    )
    for size, kind in ((largest, dict), (largest + 1, str)):
        data = {"x": character * size}
        sent = publish(lambda d: d.publish_event("a", data, message_type="m", event_id="e"))  # noqa: B023
        assert isinstance(sent, kind)


def find_largest_accepted(event):
    """The largest size at which the service accepts an event."""
    low, high = 1, 140_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fields_refused_by_service(event(middle)) else (middle, high)
    return low


def test_largest_notification_that_is_sent_is_the_largest_that_the_service_accepts():
    texts = {"title": "t", "message": "m"}
    largest = find_largest_accepted(
        lambda size: {"messageType": "n", "recipients": ["a"], "data": {**texts, "x": "y" * size}}
    )
    for size, kind in ((largest, dict), (largest + 1, str)):
        sent = publish(lambda d: d.notify_users(["a"], "t", "m", data={"x": "y" * size}, message_type="n"))  # noqa: B023
        assert isinstance(sent, kind)


@given(VALUES)
def test_json_text_equals_the_services(value):
    try:
        text = strict_json.dumps(value)
    except ValueError:
        return
    assert encode_json(value) == text


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda d: d.publish_event("Books", {}), "topic"),
        (lambda d: d.publish_event(None, {}), "topic"),
        (lambda d: d.publish_event("books", []), "data"),
        (lambda d: d.publish_event("books", {"price": Decimal("1.5")}), "data.price"),
        (lambda d: d.publish_event("books", {"tags": {"a"}}), "data.tags"),
        (lambda d: d.publish_event("books", {"a": [{"b": b"x"}]}), "data.a[0].b"),
        (lambda d: d.publish_event("books", {"a": {1: 2}}), "data.a"),
        (lambda d: d.publish_event("books", {}, filters={"x": math.inf}), "filters.x"),
        (lambda d: d.publish_event("books", {}, filters={"x": "y" * 300_000}), "filters"),
        (lambda d: d.publish_event("books", {}, message_type="9"), "message_type"),
        (lambda d: d.publish_event("books", {}, event_id="a b"), "event_id"),
        (lambda d: d.publish_event("books", {}, expires_at=7200), "expires_at"),
        (lambda d: d.publish_event("books", {}, expires_at=NAIVE), "expires_at"),
        (lambda d: d.notify_users(["ann"], "t", "m", expires_at="2h"), "expires_at"),
        (lambda d: d.publish_message("ann smith", "hello"), "user_id"),
        (lambda d: d.publish_message("ann", ""), "content"),
        (lambda d: d.publish_message("ann", {"text": "hello"}), "content"),
        (lambda d: d.publish_message("ann", "hello", data={"content": 1}), "data.content"),
        (lambda d: d.notify_users([], "t", "m"), "user_ids"),
        (lambda d: d.notify_users("ann", "t", "m"), "user_ids"),
        (lambda d: d.notify_users(["ann", 7], "t", "m"), "user_ids[1]"),
        (lambda d: d.notify_users(["ann"], "", "m"), "title"),
        (lambda d: d.notify_users(["ann"], "t", None), "message"),
        (lambda d: d.notify_users([f"u{n}" for n in range(1001)], "t", "m", event_id="x" * 127), "event_id"),
    ],
)
def test_invalid_argument_is_named_and_nothing_is_sent(transport, call, argument):
    with pytest.raises(InvalidArgument) as raised:
        call(Publisher(transport))
    assert raised.value.argument == argument
    assert str(raised.value).startswith(f"{argument}: ")
    assert isinstance(raised.value, ValueError)
    assert not transport.events


def test_every_event_has_an_id_and_a_given_one_is_kept(transport):
    deals = Publisher(transport)
    ids = [deals.publish_event("books", {}).event_id for _ in range(2)]
    assert len(set(ids)) == 2
    assert deals.publish_event("books", {}, event_id="mine").event_id == "mine"
    assert [event["eventId"] for event in transport.events] == [*ids, "mine"]


def test_message_is_sent_to_one_recipient_with_its_data(transport):
    Publisher(transport).publish_message("ann", "Your order has left", data={"order": 7}, event_id="e")
    assert transport.events == [
        {
            "messageType": "message",
            "data": {"content": "Your order has left", "order": 7},
            "recipients": ["ann"],
            "eventId": "e",
        }
    ]


def test_notification_names_each_user_once_and_is_one_event_up_to_a_thousand(transport):
    result = Publisher(transport).notify_users(["ann", "ben", "ann"], "Sale", "Now", event_id="e")
    assert (result.event_id, result.recipients, result.split) == ("e", 2, False)
    [event] = transport.events
    assert (event["recipients"], event["eventId"]) == (["ann", "ben"], "e")
    assert event["data"] == {"title": "Sale", "message": "Now"}


def test_larger_audience_takes_several_events_with_the_same_ids_in_a_repeat(transport):
    users = [f"user-{number}" for number in range(2001)]
    result = Publisher(transport).notify_users(users, "Sale", "Now", event_id="e")
    assert (result.recipients, result.split) == (2001, True)
    assert [event.event_id for event in result.events] == ["e.1", "e.2", "e.3"]
    assert [user for event in transport.events for user in event["recipients"]] == users
    assert [fields_refused_by_service(event) for event in transport.events] == [set()] * 3
    Publisher(transport).notify_users(users, "Sale", "Now", event_id="e")
    assert transport.events[:3] == transport.events[3:]
