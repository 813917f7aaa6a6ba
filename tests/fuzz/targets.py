"""What is fuzzed: each reader of what others write, its grammar, and the errors that it may raise."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import strategies as st

from broadcast.http_requests import HttpRefused, read_request
from broadcast.reception import receive
from message_router.requests import parse_action
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
from tests.fuzz import services
from tests.fuzz.checks import TEXT_CHARS_MAX, find_leak
from tests.fuzz.forms import encoded_leniently, to_headers, to_text_leniently, to_token
from tests.fuzz.grammar import broken, objects, texts, to_text
from tests.fuzz.strategies import (
    ANY_TOKEN,
    CARRIED,
    CARRIERS,
    EVENTS,
    FILTER,
    FRAMES,
    GOOD_JWK,
    HANDSHAKES,
    INVOKES,
    JWK,
    NOW,
    REPLIES,
    REQUESTS,
    RESPONSES,
    SECRET,
)

if TYPE_CHECKING:
    from collections.abc import Callable


CORPUS = json.loads((Path(__file__).parent / "corpus.json").read_text("utf-8"))
"""What once broke a reader."""


class Target(NamedTuple):
    """A reader: its grammar, how it is called, and what it may raise."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    refusal: type[Exception] | tuple[type[Exception], ...]
    template: str = "%s"
    """Where long input goes in the check of time: `%s` in an input that is else good."""
    form: Callable[[bytes], Any] = to_text_leniently
    """How bytes become its input: a text by default."""


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


def _invoke(text: str) -> None:
    """Lambda hands over no invoke that is not JSON."""
    if _values_of(text):
        services.answer_invoke(text)


def _secret(text: str) -> None:
    parse_secret(text, "arn")


def _http_response(data: bytes) -> None:
    parser = ResponseParser(1024 * 1024)
    for start in range(0, len(data), 16_384):
        parser.feed(data[start : start + 16_384])
    parser.end()


def _redis_reply(data: bytes) -> None:
    """Both ends are in this thread: what Redis sends waits in the socket before it is asked."""
    if _LONG_LIST.search(data):
        raise RedisFault("protocol", "hiredis reserves what a list announces, and sets no limit")
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


# docs/threat_model.md, "What is not held".
_LONG_LIST = re.compile(rb"[*%~>|][+]?\d{7}")
TARGETS = {
    "frame": Target(
        texts(FRAMES), _frame, ValidationFailed, '{"action": "sendMessage", "data": {"content": %s}}'
    ),
    "filter": Target(texts(objects(FILTER)), _filter, ValidationFailed, '{"price": [%s]}'),
    "token": Target(ANY_TOKEN, _token, TokenRefused, form=to_token),
    "handshake": Target(HANDSHAKES, _handshake, TokenRefused, "Authorization: Bearer %s", to_headers),
    "event": Target(texts(EVENTS), _event, ValidationFailed, '{"messageType": "a", "data": {"a": %s}}'),
    "queue body": Target(
        texts(CARRIERS),
        _queue_body,
        ValidationFailed,
        '{"id": "a", "detail-type": "b", "detail": {"data": {"a": %s}}}',
    ),
    "publish API": Target(texts(CARRIED), _http_api, (HttpRefused, ValidationFailed)),
    "Redis channel": Target(
        texts(CARRIED).map(encoded_leniently), _channel, ValidationFailed, '{"data": %s}', bytes
    ),
    "Redis stream": Target(
        texts(CARRIED).map(encoded_leniently), _stream, ValidationFailed, '{"data": %s}', bytes
    ),
    "Redis reply": Target(
        broken(st.lists(REPLIES, max_size=3).map(b"".join)), _redis_reply, RedisFault, form=bytes
    ),
    "HTTP response": Target(
        broken(RESPONSES), _http_response, BadResponse, "HTTP/1.1 200 OK\r\na: %s\r\n\r\n", bytes
    ),
    "key set": Target(
        texts(st.lists(GOOD_JWK | JWK, max_size=3).map(lambda keys: {"keys": keys})).map(encoded_leniently),
        _key_set,
        ValueError,
        '{"keys": [%s]}',
        bytes,
    ),
    "secret": Target(texts(objects({"current": [SECRET], "previous": [SECRET]})), _secret, SettingsInvalid),
    "answer to a frame": Target(
        texts(FRAMES),
        services.answer_frame,
        services.Refused,
        '{"action": "getPresence", "data": {"users": [%s]}}',
    ),
    "answer to a request": Target(
        REQUESTS, services.answer_request, services.Refused, '\n{"messageType": "a", "data": {"a": %s}}'
    ),
    "answer to an invoke": Target(
        INVOKES.map(to_text), _invoke, services.Refused, '{"messageType": "a", "data": {"a": %s}}'
    ),
    "answer to a handshake": Target(
        HANDSHAKES, services.authorize, services.Refused, "Sec-WebSocket-Protocol: %s", to_headers
    ),
}
"""By what others write; the last four are whole functions."""


def call(name: str, data: Any) -> bool:
    """Read an input. Returns whether it was accepted; raises whatever a reader must not raise."""
    return outcome(name, data) is None


def outcome(name: str, data: Any) -> Exception | None:
    """Read an input. Returns its refusal, or None; raises whatever a reader must not raise."""
    target = TARGETS[name]
    try:
        target.read(data)
    except target.refusal as refusal:
        text = str(refusal)
        if len(text) > TEXT_CHARS_MAX:
            pytest.fail(f"a refusal of {len(text)} characters")
        leak = find_leak(text, data if isinstance(data, str) else repr(data))
        if leak is not None:
            pytest.fail(f"{leak!r} in {text:.500}")
        return refusal
    return None


def as_read(name: str, text: str) -> Any:
    """The input as its reader takes it, from what the corpus and the check of time have."""
    return TARGETS[name].form(encoded_leniently(text))
