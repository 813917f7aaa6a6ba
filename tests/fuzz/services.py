"""Whole functions on in-memory twins, from what API Gateway or Lambda hands over to what leaves.

Whatever comes, no answer is a fault of the service (a 5xx, an INTERNAL_ERROR), no text tells of its inside,
each log line is one line of JSON without a token, and what one user can make grow stays within its limits.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from authorizer import handler as authorizer
from authorizer.token_authorizer import TokenAuthorizer
from authorizer.wiring import Authorizers
from broadcast import handler as broadcast
from broadcast.wiring import Broadcast
from message_router.router import Incoming
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryEventsQueue
from realtime_core.telemetry.logs import bound
from realtime_core.wire.frames import MESSAGE_BYTES_MAX
from tests.fuzz.checks import find_leak
from tests.fuzz.strategies import NOW, SECRET
from tests.hostile_users import DAY, HostileUsers

if TYPE_CHECKING:
    from collections.abc import Callable

CASES_OF_A_SERVICE = 2_000
"""After so many a service begins anew: the twins keep everything, as tables do for a day."""
SUBSCRIPTIONS_MAX, BUCKETS_MAX = 50, 6
"""Of a connection; of a user, whatever its frames say."""
HTTP_REQUEST = json.loads((Path(__file__).parents[1] / "events/http_request.json").read_text("utf-8"))
CONNECT = json.loads((Path(__file__).parents[1] / "events/authorizer_request.json").read_text("utf-8"))


class Refused(Exception):
    """The service answered that the input is wrong."""


class Context:
    """An invocation."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """As at the start of one of half a minute."""
        return 30_000


class Services:
    """The functions, and what they have stored."""

    def __init__(self) -> None:
        self._calls = 0
        self._begin()

    def _begin(self) -> None:
        self.users = HostileUsers(2)
        self.dead_letters = MemoryDeadLetterQueue()
        self.broadcast = Broadcast(self.users.publisher, self.dead_letters, MemoryEventsQueue())

    def count(self) -> None:
        """Count a call, a second later than the last; begin anew after many."""
        self._calls += 1
        if self._calls % CASES_OF_A_SERVICE == 0:
            self._begin()
        self.users.now += 1


services = Services()


def answer_frame(text: str) -> None:
    """Have a frame of a connected user answered. Raises Refused for an error frame."""
    services.count()
    context = {"userId": "user-0", "tokenExp": str(NOW + DAY)}
    at = round(services.users.now * 1000)
    incoming = Incoming(text, "c0-0", "correlation-1", context, at)
    reply = _quietly(text, lambda: services.users.router.reply(incoming))

    frame = json.loads(reply)
    assert len(reply.encode()) <= MESSAGE_BYTES_MAX, "a reply that no frame carries"
    record = services.users.connections.get("c0-0")
    assert record is not None
    assert len(record.subscriptions) <= SUBSCRIPTIONS_MAX, "subscriptions without a limit"
    assert len(services.users.limiter.full_at) <= BUCKETS_MAX, "buckets by what a frame says"
    if frame["type"] == "error":
        assert frame["data"]["code"] != "INTERNAL_ERROR", reply
        _check_text(json.dumps(frame["data"], ensure_ascii=False), text)
        raise Refused(frame["data"]["code"], frame["data"]["message"])


def answer_request(text: str) -> None:
    """Have a request of the publish API answered, whose lines are its headers but for the last, its body.

    Raises Refused for a 4xx.
    """
    *lines, body = text.split("\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    event = {
        **HTTP_REQUEST,
        "headers": HTTP_REQUEST["headers"] | headers,
        "body": body,
        "isBase64Encoded": body.startswith("ey"),
    }
    services.count()
    kept = len(services.dead_letters.entries)
    with mock.patch("broadcast.http_api.time.time", return_value=NOW):
        response = _invoke(event, text)
    assert 200 <= response["statusCode"] < 500, response
    assert len(services.dead_letters.entries) == kept, "what HTTP refuses fills the dead letters"
    _refuse_if_wrong(response, text)


def answer_invoke(text: str) -> None:
    """Have an invoke of `broadcast` answered. Raises Refused for an event that breaks the contract."""
    services.count()
    kept = len(services.dead_letters.entries)
    payload = json.loads(text)
    response = _invoke(payload, text)
    assert len(services.dead_letters.entries) <= kept + 100, "dead letters beyond the events of an envelope"
    if "batchItemFailures" in response:
        assert response["batchItemFailures"] == [], "a record that comes again for ever"
        return
    assert response["statusCode"] in {200, 400}, response
    _refuse_if_wrong(response, text)


def authorize(headers: dict[str, str]) -> None:
    """Have a handshake authorized. Raises Refused for a 401 or a 403."""
    event = {
        **CONNECT,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {"token": headers["token"]} if "token" in headers else None,
    }
    given = json.dumps(headers)
    rules = TokenVerifier(TokenRules(audience="deals"), MemorySigningSecrets(SECRET), None)
    parts = Authorizers(TokenAuthorizer(rules, MemoryRevocations()), None, 30)
    with (
        mock.patch.object(authorizer, "_authorizers", return_value=parts),
        mock.patch("authorizer.handler.time.time", return_value=NOW),
    ):
        try:
            answer = _quietly(given, lambda: authorizer.handler(event, None))
        except authorizer.Unauthorized as error:
            assert str(error) == "Unauthorized", "API Gateway answers 500 to any other text"  # noqa: PT017
            raise Refused(401) from None
    assert len(json.dumps(answer)) <= 8 * 1024, "API Gateway takes no larger answer"
    if answer["policyDocument"]["Statement"][0]["Effect"] != "Allow":
        raise Refused(403)


def _invoke(event: Any, given: str) -> dict[str, Any]:
    with mock.patch.object(broadcast, "_broadcast", return_value=services.broadcast):
        return _quietly(given, lambda: broadcast.handler(event, Context()))


def _refuse_if_wrong(response: dict[str, Any], given: str) -> None:
    body = json.loads(response["body"])
    if response["statusCode"] >= 400:
        _check_text(response["body"], given)
        problems = body.get("errors") or [{}]
        raise Refused(response["statusCode"], problems[0].get("problem"))


def _quietly(given: str, call: Callable[[], Any]) -> Any:
    """Call, and check the lines that were logged meanwhile."""
    logged = io.StringIO()
    with redirect_stdout(logged), bound():
        result = call()
    for line in logged.getvalue().split("\n"):
        if line:
            assert isinstance(json.loads(line), dict), "a line that is none of ours"
            assert "eyJ" not in line, "a token in the log"
            assert '"exception"' not in line, line
    return result


def _check_text(text: str, given: str) -> None:
    leak = find_leak(text, given)
    assert leak is None, f"{leak!r} in {text:.500}"
