"""Good input of each kind, which byte fuzzing starts from besides the examples of the grammars."""

from __future__ import annotations

import json
from typing import Any

from tests.fuzz.strategies import NOW, SECRET, signed

FILTERS: list[Any] = [
    {"brand": ["x", "y"], "minPrice": 5, "maxDiscount": 50},
    {"price": {"gte": 1, "lt": 9.5}, "tag": {"not": {"anyOf": ["a", {"prefix": "b"}]}}},
    {"a": {"suffix": "z"}, "b": {"contains": "\u00e9"}, "c": {"exists": False}},
]
_CLAIMS = {"sub": "ann", "iat": NOW, "exp": NOW + 60, "aud": "deals", "scope": "websocket publish"}
_TOKEN = signed({"alg": "HS256"}, _CLAIMS)
_FRAMES: list[Any] = [
    {"action": "ping", "requestId": "r-1"},
    {"action": "keepAlive"},
    *({"action": "subscribeToDeals", "data": {"topic": "books", "filters": f, "recent": 5}} for f in FILTERS),
    {"action": "subscribeToDeals", "data": {"since": 0}},
    {"action": "getEvents", "data": {"topic": "a.b", "since": 5}},
    {"action": "unsubscribeFromDeals", "data": {"topic": "books"}},
    {
        "action": "sendMessage",
        "data": {"recipientId": "user-1", "content": "hi", "type": "text"},
        "requestId": "s",
    },
    {"action": "getMessages", "data": {"after": "m-1", "limit": 5, "status": "read"}},
    {"action": "notificationAck", "data": {"messageId": "m-1", "type": "read"}},
    {"action": "getStatus"},
    {"action": "getPresence", "data": {"users": ["user-0", "user-1"]}},
    {"action": "refreshToken", "data": {"token": _TOKEN}},
]
_EVENT = {
    "messageType": "dealUpdate",
    "topic": "books.new",
    "data": {"price": 9, "tags": ["a"]},
    "filters": {"brand": "x"},
    "eventId": "e-1",
    "expiresAt": NOW + 600,
}
_NOTIFICATION = {"messageType": "notification", "data": {"title": "t"}, "recipients": ["user-0", "user-1"]}
_EVENTS: list[Any] = [_EVENT, _NOTIFICATION, {"messageType": "a", "data": {}, "topic": "private.x"}]
_PUBLISHED: list[Any] = [*_EVENTS, {"events": _EVENTS}]
_FORWARDED = {"forwardedEvent": _EVENT, "acceptedAtMs": NOW * 1000, "origin": "deals@eu-central-1"}
_CARRIED: list[Any] = [
    *_PUBLISHED,
    {"Type": "Notification", "MessageId": "m-1", "Message": json.dumps(_EVENT)},
    {"id": "e-1", "detail-type": "deal", "source": "shop", "detail": _FORWARDED},
    {"requestContext": {"requestId": "r"}, "requestPayload": {"events": _EVENTS}},
]
_RECORDS = [
    {"eventSource": "aws:sqs", "messageId": f"m-{number}", "body": json.dumps(body), "attributes": {}}
    for number, body in enumerate(_CARRIED)
]
_HEADERS = [
    f"Authorization: Bearer {_TOKEN}",
    f"Sec-WebSocket-Protocol: deals.v1, {_TOKEN}",
    f"Sec-WebSocket-Protocol: graphql-ws, {_TOKEN}, deals.v1",
    f"token: {_TOKEN}",
]


def _texts(values: list[Any]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


GOOD: dict[str, list[bytes]] = {
    "frame": _texts(_FRAMES),
    "filter": _texts(FILTERS),
    "token": [
        b"\n".join(_texts([{"alg": "HS256", "typ": "JWT"}, {**_CLAIMS, "topics": ["a.*"], "jti": "t"}]))
    ],
    "handshake": [line.encode() for line in _HEADERS],
    "event": _texts(_EVENTS),
    "queue body": _texts(_CARRIED),
    "publish API": _texts(_PUBLISHED),
    "Redis channel": _texts(_PUBLISHED),
    "Redis stream": _texts(_PUBLISHED),
    "Redis reply": [
        b"+PONG\r\n*2\r\n$1\r\na\r\n%1\r\n+a\r\n:1\r\n",
        b"-NOSCRIPT none\r\n",
        b"~1\r\n#t\r\n_\r\n",
    ],
    "HTTP response": [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
    ],
    "key set": [],
    "secret": [*_texts([{"current": SECRET, "previous": "p" * 32}]), SECRET.encode()],
    "answer to a frame": _texts(_FRAMES),
    "answer to a request": [b"content-type: application/json\n" + text for text in _texts(_PUBLISHED)],
    "answer to an invoke": _texts([*_PUBLISHED, {"Records": _RECORDS[:3]}, {"Records": _RECORDS[3:]}]),
    "answer to a handshake": [line.encode() for line in _HEADERS],
}
"""By the reader."""
