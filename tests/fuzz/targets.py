"""What is fuzzed: each reader of what others write, its grammar, and the one error that it may raise."""

from __future__ import annotations

import base64
import hmac
import json
import socket
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import strategies as st

from broadcast.http_requests import HttpRefused, read_request
from broadcast.reception import receive
from message_router.requests import ACTIONS, parse_action
from realtime_core.auth.handshake import find_token, select_subprotocol
from realtime_core.auth.public_keys import parse_key_set
from realtime_core.auth.secrets_manager import parse_secret
from realtime_core.auth.tokens import TokenRules, verify
from realtime_core.aws.http_response import BadResponse, ResponseParser
from realtime_core.errors import SettingsInvalid, TokenRefused, ValidationFailed
from realtime_core.filters.filters import Attributes, parse_filter
from realtime_core.redis.client import RedisClient
from realtime_core.redis.credentials import NoCredentials
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.settings import RedisAddress
from realtime_core.wire.envelopes import unwrap
from realtime_core.wire.events import event_frame, parse_event
from realtime_core.wire.frames import decode_request, error_frame
from redis_relay.events import from_channel, from_entry
from tests.fuzz.grammar import broken, encoded, objects, texts, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_795_382_480
SECRET = "s" * 32
EVENT = {
    "messageType": ["dealUpdate", "notification", "pong"],
    "data": [{"price": 1}, {}],
    "topic": ["books", "all-deals", "private.a"],
    "filters": [{"brand": "x"}],
    "eventId": ["e-1"],
    "recipients": [["ann"], ["ann", "bob"]],
    "expiresAt": [NOW + 60, float(NOW)],
}
CONDITION = [
    1,
    "x",
    True,
    [1, "x"],
    {"gte": 1, "lt": 2},
    {"prefix": "a"},
    {"exists": False},
    {"not": {"anyOf": [1]}},
]
FILTER = dict.fromkeys(["price", "minPrice", "maxPrice", "tag", "minimum", "\u00e9"], CONDITION)


class Target(NamedTuple):
    """A reader: what it is given, as text or bytes, how it is called, and what it may raise."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    refusal: type[Exception]
    template: str = "%s"
    """Where long input goes in the check of time: `%s` in an input that is else good."""


def _frame(text: str) -> None:
    try:
        parse_action(decode_request(text))
    except ValidationFailed as error:
        # The reply must be a frame, whatever was in the request.
        reply = error_frame(error, now=NOW, request_id=error.request_id)
        if len(reply) > 16_384:
            pytest.fail("a reply of any length")
        raise


def _values_of(text: str) -> list[Any]:
    """The value as a lenient parser reads it, in a list; none of what is no JSON, which others refuse."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _filter(text: str) -> None:
    for value in _values_of(text):
        parsed = parse_filter(value, "filters")
        assert parse_filter(parsed.as_object()) == parsed
        parsed.matches(Attributes({"price": 1, "tag": "a"}, {}))


def _event(text: str) -> None:
    for value in _values_of(text):
        event_frame(parse_event(value), event_id="e", now=NOW)


def signed(header: Any, claims: Any) -> str:
    """A token with a good signature over any parts."""
    parts = (
        base64.urlsafe_b64encode(encoded(to_text(part))).rstrip(b"=").decode() for part in (header, claims)
    )
    text = ".".join(parts)
    signature = hmac.digest(SECRET.encode(), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _token(text: str) -> None:
    verify(text, [SECRET], TokenRules(audience="deals"), NOW)


def _handshake(headers: dict[str, str]) -> None:
    select_subprotocol(headers)
    find_token(headers, headers)


def _key_set(data: bytes) -> None:
    for key in parse_key_set(data):
        assert key.verify(b"text", data[:64]) is False


def _http_api(text: str) -> None:
    context = {"http": {}, "authorizer": {"iam": {"userArn": "a"}}}
    read_request({"requestContext": context, "body": text, "isBase64Encoded": text.startswith("ey")}, NOW)


def _queue_body(text: str) -> None:
    carried = unwrap(text)
    receive(carried.raw, carried.carrier_id or "m-1", carried.origin)


def _channel(data: bytes) -> None:
    from_channel(b"deals:books", data)


def _stream(data: bytes) -> None:
    from_entry(b"1-0", {b"event": data})


def _secret(text: str) -> None:
    parse_secret(text, "arn")


def encoded_leniently(text: str) -> bytes:
    """The bytes of a text that was broken as bytes."""
    return text.encode(errors="surrogateescape") if not _has_pairs_in_half(text) else encoded(text)


def _has_pairs_in_half(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff" for char in text)


def _http_response(data: bytes) -> None:
    parser = ResponseParser(1024 * 1024)
    for start in range(0, len(data), 16_384):
        parser.feed(data[start : start + 16_384])
    parser.end()


def _redis_reply(data: bytes) -> None:
    """Both ends are in this thread: what Redis sends waits in the socket before it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    client = RedisClient(RedisAddress("127.0.0.1", 1, tls=False), NoCredentials())
    with theirs, mock.patch("socket.create_connection", return_value=ours):
        theirs.setblocking(False)
        theirs.send(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            client.execute([("PING",), ("GET", "a")])
        finally:
            client.close()


TOKENS = st.builds(
    signed,
    objects(
        {"alg": ["HS256"], "typ": ["JWT"], "kid": ["k"], "crit": [["exp"]], "b64": [True], "cty": ["JWT"]}
    ).map(lambda header: {"alg": "HS256", **header}),
    objects(
        {
            "sub": ["ann"],
            "exp": [NOW + 60],
            "iat": [NOW],
            "nbf": [NOW],
            "jti": ["t"],
            "aud": ["deals", ["deals"]],
            "scope": ["websocket"],
            "topics": [["*"]],
            "recipients": [["a*"]],
        }
    ).map(
        lambda claims: {
            "sub": "ann",
            "exp": NOW + 60,
            "iat": NOW,
            "aud": "deals",
            "scope": "websocket",
            **claims,
        }
    ),
)
ANY_TOKEN = TOKENS | broken(TOKENS.map(str.encode)).map(lambda data: data.decode(errors="surrogateescape"))
EVENTS = objects(EVENT)
CARRIED = st.one_of(
    EVENTS,
    st.lists(EVENTS, max_size=3).map(lambda events: {"events": events}),
    objects({"type": ["dealUpdate"], "data": [{}], "timestamp": [NOW]}),
)
CARRIERS = st.recursive(
    CARRIED,
    lambda inner: st.one_of(
        st.builds(lambda raw: {"Type": "Notification", "MessageId": "m-1", "Message": to_text(raw)}, inner),
        st.builds(lambda raw: {"id": "e-1", "detail-type": "deal", "detail": raw}, inner),
        st.builds(lambda raw: {"requestContext": {"requestId": "r"}, "requestPayload": raw}, inner),
        st.builds(lambda raw: {"forwardedEvent": raw, "acceptedAtMs": NOW * 1000, "origin": "a@b"}, inner),
    ),
    max_leaves=3,
)
JWK = objects(
    {
        "kty": ["RSA", "EC", "OKP", "oct"],
        "crv": ["P-256", "P-384", "Ed25519"],
        "n": ["u" * 342 + "w", "AQAB"],
        "e": ["AQAB", "AQ", ""],
        "x": [
            "A" * 43,
            "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        ],
        "y": ["A" * 43, "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"],
        "kid": ["k"],
        "use": ["sig", "enc"],
        "key_ops": [["verify"]],
        "alg": ["RS256", "ES256", "EdDSA", "none", "HS256"],
    }
)
# The base point of the curve, and the key of RFC 8037, A.1.
GOOD_JWK = st.sampled_from(
    [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
        },
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]
)
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 3",
            b"content-length:0",
            b"Content-Length: 3, 3",
            b"Content-Length: -1",
            b"Content-Length: 9" * 9,
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"X-Amzn-ErrorType: A:b",
            b": a",
            b"a",
            b" folded",
            b"\x00: \xff",
        ]
    ),
    max_size=4,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
RESPONSES = st.builds(
    lambda line, headers, body: line + b"\r\n" + headers + b"\r\n" + body,
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 100 Continue",
            b"HTTP/1.0 410",
            b"HTTP/1.1 204 ",
            b"HTTP/2 200",
            b"\xff",
        ]
    ),
    HEADERS,
    st.sampled_from(
        [
            b"",
            b"abc",
            b"3\r\nabc\r\n0\r\n\r\n",
            b"ffffffff\r\n",
            b"-1\r\n",
            b"0\r\na: b\r\n\r\n",
            b"3;" + b"x" * 99,
        ]
    ),
)
REPLIES = st.recursive(
    st.sampled_from(
        [
            b"+PONG\r\n",
            b":1\r\n",
            b"$-1\r\n",
            b"$3\r\nabc\r\n",
            b"-ERR x\r\n",
            b"-\r\n",
            b"-NOAUTH\xff\r\n",
            b"*-1\r\n",
            b"$-2\r\n",
            b":" + b"9" * 99 + b"\r\n",
            b"$999999999999\r\n",
            b"*100000\r\n",
            b"_\r\n",
            b"#t\r\n",
            b",nan\r\n",
            b"(1\r\n",
            b"%1\r\n",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: b"*%d\r\n%b" % (len(items), b"".join(items))),
    max_leaves=6,
)
FRAMES = objects({"action": list(ACTIONS), "requestId": ["r-1"]}).flatmap(
    lambda frame: objects(
        {
            "topic": ["books"],
            "filters": [{"price": {"lt": 9}}],
            "since": [0],
            "recent": [5],
            "recipientId": ["bob"],
            "content": ["hi"],
            "type": ["text", "read"],
            "after": ["m-1"],
            "limit": [5],
            "status": ["read"],
            "messageId": ["m-1"],
            "users": [["ann"]],
            "token": ["a.b.c"],
        }
    ).map(lambda data: {**frame, "data": data})
)
HANDSHAKES = st.dictionaries(
    st.sampled_from(["Authorization", "authorization", "Sec-WebSocket-Protocol", "token", ""]),
    ANY_TOKEN.flatmap(
        lambda token: st.sampled_from(
            [token, f"Bearer {token}", f"deals.v1, {token}", f"{token},deals.v1", "Bearer", ",,"]
        )
    ),
)

TARGETS = {
    "frame": Target(
        texts(FRAMES), _frame, ValidationFailed, '{"action": "sendMessage", "data": {"content": %s}}'
    ),
    "filter": Target(texts(objects(FILTER)), _filter, ValidationFailed, '{"price": [%s]}'),
    "token": Target(ANY_TOKEN, _token, TokenRefused),
    "handshake": Target(HANDSHAKES, _handshake, TokenRefused),
    "event": Target(texts(EVENTS), _event, ValidationFailed, '{"messageType": "a", "data": {"a": %s}}'),
    "queue body": Target(
        texts(CARRIERS),
        _queue_body,
        ValidationFailed,
        '{"id": "a", "detail-type": "b", "detail": {"data": {"a": %s}}}',
    ),
    "publish API": Target(texts(CARRIED), _http_api, HttpRefused),
    "Redis channel": Target(
        texts(CARRIED).map(encoded_leniently), _channel, ValidationFailed, '{"data": %s}'
    ),
    "Redis stream": Target(texts(CARRIED).map(encoded_leniently), _stream, ValidationFailed, '{"data": %s}'),
    "Redis reply": Target(broken(st.lists(REPLIES, max_size=3).map(b"".join)), _redis_reply, RedisFault),
    "HTTP response": Target(
        broken(RESPONSES), _http_response, BadResponse, "HTTP/1.1 200 OK\r\na: %s\r\n\r\n"
    ),
    "key set": Target(
        texts(st.lists(GOOD_JWK | JWK, max_size=3).map(lambda keys: {"keys": keys})).map(encoded_leniently),
        _key_set,
        ValueError,
        '{"keys": [%s]}',
    ),
    "secret": Target(texts(objects({"current": [SECRET], "previous": [SECRET]})), _secret, SettingsInvalid),
}
"""By what others write."""
TAKE_BYTES = {"Redis channel", "Redis stream", "Redis reply", "HTTP response", "key set"}


def call(name: str, data: Any) -> bool:
    """Read an input. Returns whether it was accepted; raises whatever a reader must not raise."""
    target = TARGETS[name]
    try:
        target.read(data)
    except target.refusal:
        return False
    return True


def as_read(name: str, text: str) -> Any:
    """The input as its reader takes it: a text, its bytes, or the headers with it."""
    if name == "handshake":
        return {"Authorization": f"Bearer {text}", "Sec-WebSocket-Protocol": text}
    return encoded_leniently(text) if name in TAKE_BYTES else text
