"""What publishers may put into Redis, and the events that it becomes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.errors import ValidationFailed
from realtime_core.wire.events import parse_event
from redis_relay import events
from redis_relay.events import EVENT_BYTES_MAX


def from_channel(channel, data):
    """The only event of a channel's message."""
    (event,) = events.from_channel(channel, data)
    return event


def from_entry(entry_id, fields):
    """The only event of an entry."""
    (event,) = events.from_entry(entry_id, fields)
    return event


DEAL = {"messageType": "dealUpdate", "data": {"price": 9.5}, "filters": {"brand": "x"}}


def test_entry_is_the_same_event_each_time_it_is_read():
    fields = {b"event": json.dumps(DEAL).encode()}
    first = from_entry(b"1795382480000-0", fields)
    assert first == from_entry(b"1795382480000-0", fields)
    assert json.loads(first) == {**DEAL, "eventId": json.loads(first)["eventId"]}


def test_entries_that_differ_in_id_or_text_are_different_events():
    texts = json.dumps(DEAL).encode(), json.dumps({**DEAL, "topic": "books"}).encode()
    ids = {
        json.loads(from_entry(entry_id, {b"event": text}))["eventId"]
        for entry_id in (b"1-0", b"1-1")
        for text in texts
    }
    assert len(ids) == 4


def test_channel_messages_without_an_event_id_are_different_events():
    text = json.dumps(DEAL).encode()
    ids = {json.loads(from_channel(b"deals:books", text))["eventId"] for _ in range(2)}
    assert len(ids) == 2
    own = json.dumps({**DEAL, "eventId": "own"}).encode()
    assert json.loads(from_channel(b"deals:books", own))["eventId"] == "own"


@pytest.mark.parametrize("topic", ["books", "electronics.laptops", "events", "all-deals", "relay"])
def test_channel_is_the_topic_and_the_event_may_name_the_same(topic):
    channel = f"deals:{topic}".encode()
    for text in (DEAL, {**DEAL, "topic": topic}):
        assert json.loads(from_channel(channel, json.dumps(text).encode()))["topic"] == topic


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (lambda: from_channel(b"deals:books", b'{"messageType":"m","data":{},"topic":"x"}'), ["topic"]),
        (lambda: from_channel(b"deals:@relay", b'{"messageType":"m","data":{}}'), ["topic"]),
        (lambda: from_channel(b"deals:\xff", b'{"messageType":"m","data":{}}'), ["topic"]),
        (lambda: from_channel(b"deals:books", b"\xff"), ["message"]),
        (lambda: from_channel(b"deals:books", b" " * (EVENT_BYTES_MAX + 1)), ["message"]),
        (lambda: from_entry(b"1-0", {}), ["event"]),
        (lambda: from_entry(b"1-0", {b"event": b"\xff"}), ["event"]),
        (lambda: from_entry(b"1-0", {b"event": b"{}", b"\xff": b""}), ["\ufffd"]),
        (lambda: from_entry(b"1-0", {b"event": b'{"data":1,"more":2}'}), ["messageType", "data", "more"]),
    ],
)
def test_event_that_breaks_the_contract_is_refused_with_its_invalid_fields(call, fields):
    with pytest.raises(ValidationFailed) as refused:
        call()
    assert [problem.field for problem in refused.value.problems] == fields


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["messageType", "data", "topic", "filters", "eventId", "recipients", "x"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from(["m", "books", {}, ["ann"]])))
def test_entry_is_accepted_exactly_if_the_service_accepts_its_event(event):
    def result_or_problems(call):
        try:
            return call()
        except ValidationFailed as error:
            return error.details

    entry = result_or_problems(lambda: from_entry(b"1-0", {b"event": json.dumps(event).encode()}))
    parsed = result_or_problems(lambda: parse_event(event))
    assert isinstance(entry, bytes) == (not isinstance(parsed, list))
    if isinstance(entry, list):
        assert entry == parsed


@pytest.mark.parametrize("extra", [{}, {"timestamp": 1_795_382_480}, {"timestamp": "2026-11-27T20:00:00Z"}])
def test_channel_message_in_the_shape_of_the_first_guide_is_an_event(extra):
    message = {"type": "price_drop", "data": {"price": 9.5}, **extra}
    event = json.loads(from_channel(b"deals:books", json.dumps(message).encode()))
    assert (event["messageType"], event["data"], event["topic"]) == ("price_drop", {"price": 9.5}, "books")
    assert parse_event(event)


def test_null_for_an_optional_field_of_a_channel_message_is_the_same_as_leaving_it_out():
    message = {**DEAL, "topic": None, "eventId": None, "recipients": None}
    event = json.loads(from_channel(b"deals:books", json.dumps(message).encode()))
    assert parse_event(event).topic == "books"
    assert event["eventId"].startswith("channel:")


def test_entry_with_several_events_gives_each_an_id_that_a_retry_repeats():
    """What is no event is left for broadcast to reject: it harms no other."""
    text = json.dumps({"events": [DEAL, {**DEAL, "eventId": "own"}, 7, {"data": 1}]}).encode()
    first = [json.loads(event) for event in events.from_entry(b"1-0", {b"event": text})]
    ids = [event["eventId"] for event in first if isinstance(event, dict)]
    assert (ids[0][-2:], ids[1], ids[2][-2:]) == (".0", "own", ".3")
    assert first == [json.loads(event) for event in events.from_entry(b"1-0", {b"event": text})]


def test_channel_message_with_several_events_is_of_its_topic_and_no_other():
    text = {"events": [DEAL, {"type": "deal", "data": {}}, {**DEAL, "topic": "books"}]}
    found = [json.loads(event) for event in events.from_channel(b"deals:books", json.dumps(text).encode())]
    assert [event["topic"] for event in found] == ["books"] * 3
    assert len({event["eventId"] for event in found}) == 3

    text["events"][1] = {**DEAL, "topic": "tea"}
    with pytest.raises(ValidationFailed) as refused:
        events.from_channel(b"deals:books", json.dumps(text).encode())
    assert [problem.field for problem in refused.value.problems] == ["events[1].topic"]


@pytest.mark.parametrize("topic", [[], {}, ["books"], {"books": 1}, 1, True, ""])
def test_channel_message_whose_topic_is_no_text_is_refused_by_its_field(topic):
    text = json.dumps({**DEAL, "topic": topic}).encode()
    with pytest.raises(ValidationFailed, match=r"^topic: differs from the channel's"):
        from_channel(b"deals:books", text)
