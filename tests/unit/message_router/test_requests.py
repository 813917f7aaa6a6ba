"""Parsing of requests into actions."""

import bisect
import json
import typing

import pytest

from message_router.requests import (
    ACTIONS,
    Action,
    GetEvents,
    GetMessages,
    GetPresence,
    GetStatus,
    NotificationAck,
    Ping,
    RefreshToken,
    SendMessage,
    SubscribeToDeals,
    UnsubscribeFromDeals,
    parse_action,
)
from realtime_core.errors import ValidationFailed
from realtime_core.filters.filters import parse_filter
from realtime_core.messages.base import Message
from realtime_core.messages.frames import inbox_page, received_frame
from realtime_core.wire.frames import MESSAGE_BYTES_MAX, Request, decode_request, error_frame, frame

ALL = parse_filter({})
MESSAGE_ID = "01ARYZ6S41TSV4RRFFQ69G5FAV"


def parse(action, data):
    return parse_action(Request(action, data, None))


def problems(action, data):
    with pytest.raises(ValidationFailed) as caught:
        parse(action, data)
    return {problem.field: problem.problem for problem in caught.value.problems}


GOOD = [
    ("ping", {}, Ping()),
    ("getStatus", {}, GetStatus()),
    ("subscribeToDeals", {}, SubscribeToDeals("all-deals", ALL, None)),
    (
        "subscribeToDeals",
        {"topic": None, "filters": None, "since": None},
        SubscribeToDeals("all-deals", ALL, None),
    ),
    (
        "subscribeToDeals",
        {"topic": "electronics.laptops", "filters": {"minDiscount": 20}, "since": 17},
        SubscribeToDeals("electronics.laptops", parse_filter({"minDiscount": 20}), 17),
    ),
    ("subscribeToDeals", {"since": 0}, SubscribeToDeals("all-deals", ALL, 0)),
    ("subscribeToDeals", {"recent": 1}, SubscribeToDeals("all-deals", ALL, None, 1)),
    ("subscribeToDeals", {"since": 7, "recent": 100}, SubscribeToDeals("all-deals", ALL, 7, 100)),
    ("getEvents", {"since": 0}, GetEvents("all-deals", ALL, 0)),
    ("getEvents", {"topic": "books", "recent": 20.0}, GetEvents("books", ALL, None, 20)),
    (
        "getEvents",
        {"topic": "books", "filters": {"minDiscount": 20}, "since": 9, "recent": None},
        GetEvents("books", parse_filter({"minDiscount": 20}), 9),
    ),
    ("unsubscribeFromDeals", {}, UnsubscribeFromDeals("all-deals")),
    ("unsubscribeFromDeals", {"topic": "a.b"}, UnsubscribeFromDeals("a.b")),
    ("sendMessage", {"recipientId": "user-2", "content": "hi"}, SendMessage("user-2", "hi", "text")),
    (
        "sendMessage",
        {"recipientId": "a|b@c.d:e_f-1", "content": " ", "type": "x" * 64},
        SendMessage("a|b@c.d:e_f-1", " ", "x" * 64),
    ),
    ("getMessages", {}, GetMessages(None, 50, None)),
    ("getPresence", {"users": ["ben"]}, GetPresence(("ben",))),
    ("getPresence", {"users": ["b|n", "ann", "b|n"]}, GetPresence(("b|n", "ann"))),
    ("getPresence", {"users": [f"u{n}" for n in range(50)]}, GetPresence(tuple(f"u{n}" for n in range(50)))),
    (
        "getMessages",
        {"after": MESSAGE_ID, "limit": 100, "status": "delivered"},
        GetMessages(MESSAGE_ID, 100, "delivered"),
    ),
    ("notificationAck", {"messageId": MESSAGE_ID}, NotificationAck(MESSAGE_ID, "read")),
    ("notificationAck", {"messageId": "m", "type": "delivered"}, NotificationAck("m", "delivered")),
    ("refreshToken", {"token": "a.b.c"}, RefreshToken("a.b.c")),
]


@pytest.mark.parametrize(("name", "data", "action"), GOOD)
def test_parse_action_of_a_valid_request_returns_the_action(name, data, action):
    parsed = parse(name, data)
    # Named tuples of different types are equal if their values are.
    assert (type(parsed), parsed) == (type(action), action)


def test_valid_requests_cover_every_action():
    assert {spec.make for spec in ACTIONS.values()} == set(typing.get_args(Action))
    assert {name for name, _, _ in GOOD} == set(ACTIONS)


@pytest.mark.parametrize("name", ["Ping", "", "subscribe", "ping ", "__class__"])
def test_parse_action_of_an_unknown_action_lists_the_known_ones(name):
    [(field, problem)] = problems(name, {}).items()
    assert field == "action"
    assert f'"{name}" is not known' in problem
    assert all(known in problem for known in ACTIONS)


@pytest.mark.parametrize(
    ("name", "data", "fields"),
    [
        ("ping", {"echo": 1}, ["data.echo"]),
        ("getStatus", {"verbose": True}, ["data.verbose"]),
        ("subscribeToDeals", {"topic": "All Deals"}, ["data.topic"]),
        ("subscribeToDeals", {"topic": False}, ["data.topic"]),
        ("sendMessage", {"recipientId": None, "content": None}, ["data.recipientId", "data.content"]),
        ("subscribeToDeals", {"filters": [], "since": -1}, ["data.filters", "data.since"]),
        ("subscribeToDeals", {"since": True}, ["data.since"]),
        ("subscribeToDeals", {"since": "17"}, ["data.since"]),
        ("subscribeToDeals", {"since": 1.5}, ["data.since"]),
        *(("subscribeToDeals", {"recent": value}, ["data.recent"]) for value in (0, 101, -1, 1.5, True, "9")),
        ("getEvents", {}, ["data.since"]),
        ("getEvents", {"since": None, "recent": None, "topic": "books"}, ["data.since"]),
        ("getEvents", {"since": 1, "recent": 1}, ["data.recent"]),
        ("getEvents", {"recent": 0, "limit": 5}, ["data.recent", "data.limit"]),
        (
            "subscribeToDeals",
            {"filter": {}, "filters": {"a": None, "b": {"gte": "1"}}},
            ["data.filters.a", "data.filters.b.gte", "data.filter"],
        ),
        ("unsubscribeFromDeals", {"topic": 1, "filters": {}}, ["data.topic", "data.filters"]),
        ("sendMessage", {}, ["data.recipientId", "data.content"]),
        (
            "sendMessage",
            {"recipientId": "a b", "content": "", "type": ""},
            ["data.recipientId", "data.content", "data.type"],
        ),
        (
            "sendMessage",
            {"recipientId": "a", "content": {"a": 1}, "type": "x" * 65},
            ["data.content", "data.type"],
        ),
        (
            "getMessages",
            {"limit": 0, "after": "", "status": "new"},
            ["data.after", "data.limit", "data.status"],
        ),
        ("getMessages", {"limit": 101}, ["data.limit"]),
        ("getPresence", {}, ["data.users"]),
        ("getPresence", {"users": None}, ["data.users"]),
        ("getPresence", {"users": []}, ["data.users"]),
        ("getPresence", {"users": "ben"}, ["data.users"]),
        ("getPresence", {"users": {"ben": 1}}, ["data.users"]),
        ("getPresence", {"users": [f"u{n}" for n in range(51)]}, ["data.users"]),
        (
            "getPresence",
            {"users": ["ben", "b n", 7, "*"]},
            ["data.users[1]", "data.users[2]", "data.users[3]"],
        ),
        ("getPresence", {"users": ["ben"], "user": 1}, ["data.user"]),
        ("getMessages", {"limit": False}, ["data.limit"]),
        ("notificationAck", {}, ["data.messageId"]),
        ("notificationAck", {"messageId": "m", "type": "sent"}, ["data.type"]),
        ("refreshToken", {"token": ""}, ["data.token"]),
        ("refreshToken", {"token": "x" * 8193}, ["data.token"]),
    ],
)
def test_parse_action_reports_every_invalid_field(name, data, fields):
    assert list(problems(name, data)) == fields


def sent(content, type_="text"):
    return Message(
        MESSAGE_ID,
        "r" * 128,
        "s" * 128,
        "message",
        type_,
        content,
        1_795_382_480,
        "read",
        1_795_382_481,
        1_795_382_482,
    )


def is_accepted(content):
    try:
        parse("sendMessage", {"recipientId": "r", "content": content})
    except ValidationFailed:
        return False
    return True


@pytest.mark.parametrize("char", ["x", "é", "😀", '"', "\x01"], ids=ascii)
def test_largest_accepted_content_fits_every_frame(char):
    # By bisection, so that the test does not assume the limit.
    sizes = range(1, MESSAGE_BYTES_MAX)
    low = bisect.bisect_left(sizes, True, key=lambda size: not is_accepted(char * size))
    assert problems("sendMessage", {"recipientId": "r", "content": char * (low + 1)}).keys() == {
        "data.content"
    }
    largest = sent(char * low, "\x01" * 64)
    push = received_frame(largest, now=1_795_382_480)
    page = frame(
        "messages",
        inbox_page([largest], "n" * 128, 1_795_382_480_000),
        now=1_795_382_480,
        request_id="\x01" * 128,
    )
    assert len(push.encode()) <= MESSAGE_BYTES_MAX
    assert MESSAGE_BYTES_MAX - 1024 < len(page.encode()) <= MESSAGE_BYTES_MAX


def test_error_of_the_worst_request_fits_a_frame():
    data = {f"\x01{number}" + "\x01" * 200: 1 for number in range(500)}
    request = decode_request(json.dumps({"action": "sendMessage", "data": data, "requestId": "c-1"}))
    with pytest.raises(ValidationFailed) as caught:
        parse_action(request)
    assert len(error_frame(caught.value, now=1, request_id="c-1").encode()) < 32 * 1024
