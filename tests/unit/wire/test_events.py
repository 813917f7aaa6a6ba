"""Parsing of published events, and their frames."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.errors import ValidationFailed
from realtime_core.lifetimes import is_expired
from realtime_core.wire.events import (
    PROTOCOL_FRAME_TYPES,
    Event,
    event_frame,
    notification_content,
    notification_frame,
    parse_event,
)
from realtime_core.wire.frames import MESSAGE_BYTES_MAX
from tests.unit.wire.test_strict_json import JSON_VALUES

NOW = 1_795_382_480
DEAL = {"messageType": "dealUpdate", "data": {"id": 1, "price": 99.5}}
NOTICE = {"messageType": "notification", "data": {"title": "T", "message": "M"}, "recipients": ["user-1"]}


def problems(raw):
    with pytest.raises(ValidationFailed) as caught:
        parse_event(raw)
    return {problem.field: problem.problem for problem in caught.value.problems}


def test_parse_event_without_topic_or_recipients_is_for_all_deals():
    assert parse_event(DEAL) == Event("dealUpdate", DEAL["data"], "all-deals", {}, None, None)


def test_parse_event_reads_every_field():
    filters = {"category": "laptops"}
    raw = {**DEAL, "topic": "a.b", "filters": filters, "eventId": "e|1", "expiresAt": NOW}
    assert parse_event(raw) == Event("dealUpdate", DEAL["data"], "a.b", filters, "e|1", None, NOW)


def test_parse_event_for_recipients_has_no_topic_and_distinct_recipients():
    event = parse_event({**NOTICE, "recipients": ["b", "a", "b"]})
    assert (event.topic, event.recipients) == (None, ("b", "a"))


@pytest.mark.parametrize(
    "changes",
    [
        {"messageType": "x" * 64},
        {"messageType": "A.b_c-9"},
        {"data": {}},
        {"filters": {}},
        {"eventId": "x" * 128},
        {"expiresAt": 10**9},
        {"expiresAt": 10**10 - 1},
        {"expiresAt": 1_795_382_480.0},
        {"recipients": [f"user-{number}" for number in range(1000)]},
        {"recipients": ["a"] * 5000},
        {"data": {"a": [None, {"b": 1e308}], "é": "😀"}},
    ],
)
def test_parse_event_at_a_limit_is_accepted(changes):
    parse_event({**DEAL, **changes})


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"messageType": ...}, ["messageType"]),
        ({"data": ...}, ["data"]),
        (
            {"messageType": "9a", "data": [], "topic": "A", "filters": 1, "eventId": ""},
            ["messageType", "data", "topic", "filters", "eventId"],
        ),
        ({"messageType": "x" * 65}, ["messageType"]),
        ({"messageType": "a b"}, ["messageType"]),
        ({"messageType": "a\n"}, ["messageType"]),
        ({"messageType": 1}, ["messageType"]),
        ({"data": None}, ["data"]),
        ({"data": "text"}, ["data"]),
        ({"filters": []}, ["filters"]),
        ({"eventId": "x" * 129}, ["eventId"]),
        ({"eventId": "a b"}, ["eventId"]),
        ({"eventId": 17}, ["eventId"]),
        *(
            ({"expiresAt": value}, ["expiresAt"])
            for value in (7200, 10**9 - 1, 10**10, NOW * 1000, NOW + 0.5, True, str(NOW), "2h", [], {})
        ),
        ({"type": "x", "Data": {}}, ["type", "Data"]),
        ({"topic": "a", "recipients": ["u"]}, ["recipients"]),
        ({"recipients": []}, ["recipients"]),
        ({"recipients": {}}, ["recipients"]),
        ({"recipients": "user-1"}, ["recipients"]),
        ({"recipients": [f"user-{number}" for number in range(1001)]}, ["recipients"]),
        (
            {"recipients": ["ok", "a b", None, ["x"], "ok"]},
            ["recipients[1]", "recipients[2]", "recipients[3]"],
        ),
        ({"data": {"a": float("nan")}}, ["data.a"]),
        ({"data": {"a": [1, float("inf")], "b": -(10**30)}}, ["data.a[1]", "data.b"]),
        ({"filters": {"a": 10**400}}, ["filters.a"]),
        ({"data": {"a": "\ud800"}}, ["data.a"]),
        ({"filters": {"a": "x" * (128 * 1024)}}, ["filters"]),
        ({"filters": {f"a{n}": n for n in range(20_000)}}, ["filters"]),
        ({"data": {"a": "x" * 70_000}, "filters": {"a": "x" * 70_000}}, ["data"]),
        ({"topic": ..., "recipients": ["u"], "filters": {"a": "x" * (128 * 1024)}}, ["filters"]),
        ({"data": {"a": {1, 2}}}, ["event"]),
    ],
)
def test_parse_event_reports_every_invalid_field(changes, fields):
    raw = {name: value for name, value in {**DEAL, **changes}.items() if value is not ...}
    assert list(problems(raw)) == fields


@pytest.mark.parametrize("raw", [None, [], "x", 1, True, [DEAL]])
def test_parse_event_rejects_anything_but_an_object(raw):
    assert problems(raw) == {"event": "must be an object"}


def test_parse_event_rejects_deep_nesting():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    [(field, problem)] = problems({"messageType": "x", "data": deep}).items()
    assert field.startswith("data.a.a.")
    assert "64 levels" in problem


@given(
    st.dictionaries(
        st.sampled_from(["messageType", "data", "topic", "filters", "recipients", "x"]), JSON_VALUES
    )
)
def test_parse_event_of_any_json_is_an_event_or_is_rejected(raw):
    try:
        event = parse_event(raw)
    except ValidationFailed:
        return
    assert (event.topic is None) is not (event.recipients is None)


def with_pad(raw, size, char):
    return {**raw, "data": {**raw["data"], "pad": char * size}}


def is_too_large(raw):
    try:
        parse_event(raw)
    except ValidationFailed as failed:
        return failed.message.startswith("data: is too large")
    return False


@pytest.mark.parametrize("char", ["x", "é", "\x01"], ids=ascii)
def test_largest_accepted_event_fits_a_message_with_id_and_position(char):
    per_char = len(json.dumps(char, ensure_ascii=False).encode()) - 2
    size = MESSAGE_BYTES_MAX // per_char
    while is_too_large(with_pad(DEAL, size, char)):
        size -= 1
    event = parse_event(with_pad(DEAL, size, char))
    push = event_frame(event, event_id="e" * 128, now=NOW, position=2**63 - 1)
    # The margin is for longer timestamps.
    assert MESSAGE_BYTES_MAX - 16 < len(push.encode()) <= MESSAGE_BYTES_MAX


def test_largest_accepted_notification_fits_a_message():
    size = MESSAGE_BYTES_MAX
    while is_too_large(with_pad(NOTICE, size, "x")):
        size -= 1
    event = parse_event(with_pad(NOTICE, size, "x"))
    push = notification_frame(event, message_id="m" * 26, event_id="e" * 128, now=NOW)
    assert MESSAGE_BYTES_MAX - 2100 < len(push.encode()) <= MESSAGE_BYTES_MAX


def test_event_frame_is_that_of_the_protocol():
    event = parse_event({**DEAL, "topic": "a.b"})
    sent = {"type": "dealUpdate", "data": DEAL["data"], "topic": "a.b", "eventId": "e-1", "timestamp": NOW}
    assert json.loads(event_frame(event, event_id="e-1", now=NOW)) == sent
    assert json.loads(event_frame(event, event_id="e-1", now=NOW, position=7)) == {**sent, "position": 7}


def test_event_frame_tells_what_it_was_matched_by_and_when_it_ends():
    """A client can tell by them which of its subscriptions the event is for."""
    event = parse_event({**DEAL, "topic": "a.b", "filters": {"brand": "x"}, "expiresAt": NOW + 60})
    assert json.loads(event_frame(event, event_id="e-1", now=NOW, position=7)) == {
        "type": "dealUpdate", "data": DEAL["data"], "topic": "a.b", "eventId": "e-1", "position": 7,
        "filters": {"brand": "x"}, "expiresAt": NOW + 60, "timestamp": NOW,
    }  # fmt: skip


def test_an_event_is_expired_after_its_last_second():
    assert [is_expired(NOW, NOW + seconds) for seconds in (-1, 0, 1)] == [False, False, True]
    assert not is_expired(None, 10**12)


def test_notification_frame_says_when_it_ends():
    event = parse_event({**NOTICE, "expiresAt": NOW + 60, "filters": {"a": 1}})
    sent = json.loads(notification_frame(event, message_id="m-1", event_id="e-1", now=NOW))
    assert (sent["expiresAt"], "filters" in sent) == (NOW + 60, False)


def test_notification_frame_has_the_message_id():
    event = parse_event({**NOTICE, "data": {**NOTICE["data"], "messageId": "forged", "link": "/x"}})
    sent = json.loads(notification_frame(event, message_id="m-1", event_id="e-1", now=NOW))
    assert sent == {
        "type": "notification",
        "data": {"messageId": "m-1", "title": "T", "message": "M", "link": "/x"},
        "eventId": "e-1",
        "timestamp": NOW,
    }


def test_notification_frame_has_another_message_type_next_to_the_data():
    event = parse_event({**NOTICE, "messageType": "orderShipped"})
    sent = json.loads(notification_frame(event, message_id="m-1", event_id="e-1", now=NOW))
    assert (sent["type"], sent["messageType"]) == ("notification", "orderShipped")


def test_notification_content_is_a_copy_of_the_data():
    event = parse_event(NOTICE)
    notification_content(event)["title"] = "changed"
    assert notification_content(event) == NOTICE["data"]


def test_null_for_an_optional_field_is_the_same_as_leaving_it_out():
    nulls = dict.fromkeys(("topic", "filters", "eventId", "recipients", "expiresAt"))
    assert parse_event({**DEAL, **nulls}) == parse_event(
        {name: value for name, value in DEAL.items() if name not in nulls}
    )


@pytest.mark.parametrize("message_type", sorted(PROTOCOL_FRAME_TYPES | {"notification"}))
def test_message_type_of_the_protocol_itself_is_rejected(message_type):
    """A client could not tell such an event from a reply, or would open it as a batch."""
    assert list(problems({**DEAL, "messageType": message_type})) == ["messageType"]


def test_notification_is_a_message_type_for_recipients_alone():
    raw = {"messageType": "notification", "data": {"title": "t"}, "recipients": ["ann"]}
    assert parse_event(raw).message_type == "notification"
