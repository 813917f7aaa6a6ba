"""Transport over HTTP: POST to the publish API, with a token or signed by IAM. For backends outside AWS.

It needs the extra `http` (urllib3), and to sign `aws` (boto3).
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deals_publisher.errors import InvalidArgument, NotPublished, PublishError
from deals_publisher.http_connections import Connections, Response
from deals_publisher.results import Published, read_result
from deals_publisher.validation import encode_json, split_events

if TYPE_CHECKING:
    import boto3

ATTEMPTS = 5
"""Of one request; safe, because every event has an id."""
BODY_BYTES_MAX = 2 * 1024 * 1024
"""The service takes 4 MiB, and an invocation 6 MB, in which each quotation mark takes a byte more."""
FIRST_DELAY_SECONDS, DELAY_SECONDS_MAX = 0.2, 5.0
RETRY_AFTER_SECONDS_MAX = 30.0
_RETRIED = frozenset({429, 500, 502, 503, 504})
_WORD = re.compile(r"[!-~]+")

Token = str | Callable[[], str]


class HttpApi:
    """Sends events to the publish API and waits for its response, which counts the connections that get them.

    `url` is the output `publish_api_url` of the stack. `token` is a JWT, or a function that returns one that
    is good now; it is called for each request. Without a token, requests are signed by the credentials of
    `session` (of boto3; the default session if it is None), which need the policy `publisher_policies.http`.
    `region` is that of the API, needed where neither the URL nor the session names it.

    What fails for a passing reason (429, 5xx, no connection, no answer) is sent again with the same event
    ids, up to five times in all, after a growing random delay or when the service says.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Token | None = None,
        session: boto3.Session | None = None,
        region: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connections = Connections(url)
        if token is not None and session is not None:
            raise InvalidArgument("session", "signs requests, which a token replaces; pass one of the two")
        self._token = token if token is None or callable(token) else _checked(token)
        self._signer = None if token is not None else _create_signer(self._connections.host, session, region)
        self._sleep = sleep

    def send(self, event: Mapping[str, Any]) -> Published:
        """Publish one event. Raises Rejected (Forbidden is one) and NotPublished."""
        event_id = str(event["eventId"])
        answer, reason = self._post(event, event_id)
        result = NotPublished(event_id, reason) if reason else read_result(event_id, answer)
        if isinstance(result, PublishError):
            raise result
        return result

    def send_all(self, events: Sequence[Mapping[str, Any]]) -> list[Published | PublishError]:
        """Publish events, up to a hundred by one request."""
        results: list[Published | PublishError] = []
        for part in split_events(events, BODY_BYTES_MAX):
            ids = [str(event["eventId"]) for event in part]
            try:
                results += _read_results(ids, *self._post({"events": part}, ids[0]))
            except NotPublished as error:
                results += [NotPublished(event_id, error.reason) for event_id in ids]
            except InvalidArgument as error:
                # Of the token that the function returned: what earlier requests published stays known.
                results += [error] * len(ids)
        return results

    def _post(self, payload: Mapping[str, Any], event_id: str) -> tuple[dict[str, Any], str]:
        """Return the service's own answer, and why nothing is published; the reason is empty where it is.

        The answer is empty where there was none. Raises NotPublished, InvalidArgument.
        """
        body, refused_token, reason = encode_json(payload).encode(), "", ""
        answer: dict[str, Any] = {}
        for attempt in range(ATTEMPTS):
            headers, token = self._sign(body, event_id)
            if token and token == refused_token:
                break  # another attempt would be refused too

            delay = random.uniform(0, min(DELAY_SECONDS_MAX, FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311
            try:
                response = self._connections.post(body, headers)
            except OSError as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                answer = _read_answer(response)
                # After a `failed` request as a whole nothing is out, or queued.
                if answer and response.status not in _RETRIED and response.status != 401:
                    return answer, ""
                reason = _describe(response)
                if response.status == 401 and token and callable(self._token):
                    refused_token, delay = token, 0.0  # the function may have a newer one
                elif response.status not in _RETRIED:
                    break
                delay = max(delay, response.retry_after_seconds(RETRY_AFTER_SECONDS_MAX))
            if attempt < ATTEMPTS - 1:
                self._sleep(delay)
        return answer, reason

    def _sign(self, body: bytes, event_id: str) -> tuple[dict[str, str], str]:
        """Return the headers of a request, and the token among them. Raises NotPublished, InvalidArgument."""
        headers = {"Content-Type": "application/json"}
        if self._signer is not None:
            try:
                return self._signer(self._connections.url, headers, body), ""
            except Exception as error:
                # boto3's errors of credentials that are missing or cannot be renewed just now.
                raise NotPublished(event_id, f"{type(error).__name__}: {error}") from error
        token = _checked(self._token()) if callable(self._token) else str(self._token)
        return {**headers, "Authorization": f"Bearer {token}"}, token


def _checked(token: object) -> str:
    """Return a token that a header can hold. Raises InvalidArgument, which does not quote it."""
    if isinstance(token, str) and _WORD.fullmatch(token):
        return token
    raise InvalidArgument("token", "must be one word of visible ASCII; is there a line ending behind it?")


def _read_answer(response: Response) -> dict[str, Any]:
    """Return the service's answer for the events; empty for API Gateway's own."""
    try:
        body: Any = json.loads(response.body)
    except ValueError:
        return {}
    return cast(dict[str, Any], body) if isinstance(body, dict) and "broadcast" in body else {}


def _read_results(
    ids: Sequence[str], answer: Mapping[str, Any], reason: str
) -> list[Published | PublishError]:
    """Return what became of each event of a request; `reason` is why none of them is published."""
    none: Mapping[str, Any] = {}
    # Where the request itself is refused, so is each of its events; a refused token says nothing of them.
    answers: Sequence[Mapping[str, Any]] = answer.get("results") or [none if reason else answer] * len(ids)
    return [
        NotPublished(event_id, reason)
        if reason and one.get("broadcast") != "rejected"
        else read_result(event_id, one)
        for event_id, one in zip(ids, answers, strict=True)
    ]


_REMEDIES = {
    401: "the token is missing, not valid, expired or revoked",
    403: "the token has not the scope for publishing or its user is blocked, or IAM does not allow the route",
    404: "is the URL the stack's output publish_api_url?",
    413: "the request is too large for API Gateway",
}


def _describe(response: Response) -> str:
    remedy = _REMEDIES.get(response.status)
    text = response.body.decode("utf-8", "replace")[:200]
    return f"HTTP {response.status}: {text}" + (f" ({remedy})" if remedy else "")


_Signer = Callable[[str, Mapping[str, str], bytes], dict[str, str]]


def _create_signer(host: str, session: boto3.Session | None, region: str | None) -> _Signer:
    """Return what adds a signature of the session's credentials, of that moment, to headers."""
    try:
        import boto3  # noqa: PLC0415 - an extra: imported only if it is used
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "deals_publisher needs boto3 to sign: pip install 'deals-client[aws]', or pass a token"
        ) from error

    used = session or boto3.Session()
    parts = host.split(".")
    named = parts[2] if parts[1:2] == ["execute-api"] and "amazonaws" in parts else None
    # boto3's types leave out that a session may have no region.
    signed_for: str | None = region or named or cast(str | None, used.region_name)
    if signed_for is None:
        raise InvalidArgument("region", "is needed to sign: neither the URL nor the session names the API's")
    credentials: Any = used.get_credentials()
    if credentials is None:
        raise InvalidArgument("session", "has no credentials; see boto3's documentation, or pass a token")

    def sign(url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        request = AWSRequest("POST", url, headers=dict(headers), data=body)
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", signed_for).add_auth(request)
        return dict(request.headers.items())

    return sign
