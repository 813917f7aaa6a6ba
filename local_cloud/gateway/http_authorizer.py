"""Asks a Lambda authorizer of an HTTP API whether a request may pass, and keeps its answers.

docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html: an identity source that
is missing is 401 without a call, `isAuthorized: false` and a policy that does not allow are 403, and what is
no answer is 500. That an error `Unauthorized` is 401, as of other APIs, is what its users report.
"""

from __future__ import annotations

from typing import Any

from local_cloud.gateway.authorizer import evaluate_policy
from local_cloud.gateway.backend import Backend
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.http_apis import HttpAuthorizer
from local_cloud.gateway.http_events import HttpRequest, build_authorizer_event

_Context = dict[str, Any]

KEPT_MAX = 1_000
"""Answers that are kept at once; the cloud of a developer has fewer tokens."""


class RequestRefused(Exception):
    """The request is answered with this status and message; `detail` is for the log."""

    def __init__(self, status: int, message: str, detail: str) -> None:
        super().__init__(f"{status} {message}: {detail}")
        self.status, self.message, self.detail = status, message, detail


class HttpAuthorizers:
    """Runs authorizers, and remembers what they said of the values of their identity sources."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend, self._clock = backend, clock
        self._kept: dict[tuple[str, ...], tuple[float, Any]] = {}

    async def authorize(self, authorizer: HttpAuthorizer, request: HttpRequest, route_key: str) -> _Context:
        """Return the context that the integration's event carries. Raises RequestRefused."""
        identity = [_find_source(source, request) for source in authorizer.identity_sources]
        if not all(identity):
            raise RequestRefused(401, "Unauthorized", "an identity source is missing")

        event = build_authorizer_event(request, route_key, authorizer.function, identity)
        key = (request.api_id, request.stage, authorizer.authorizer_id, *identity)
        expires, answer = self._kept.get(key, (0.0, None))
        if not identity or self._clock.now() >= expires:
            answer = await self._ask(authorizer, event)
            if identity and authorizer.ttl_s:
                self._keep(key, self._clock.now() + authorizer.ttl_s, answer)
        return _read_answer(authorizer, answer, event["routeArn"])

    def _keep(self, key: tuple[str, ...], expires: float, answer: Any) -> None:
        """Keep an answer; one that was kept for longer makes room."""
        self._kept.pop(key, None)
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (expires, answer)

    async def _ask(self, authorizer: HttpAuthorizer, event: dict[str, Any]) -> Any:
        if authorizer.payload_version != "2.0":
            raise RequestRefused(500, "Internal Server Error", "payload format 1.0 is not imitated")
        invocation = await self._backend.invoke(authorizer.function, event)
        if not invocation.error:
            return invocation.payload
        if invocation.is_unauthorized:
            raise RequestRefused(401, "Unauthorized", "the authorizer raised Unauthorized")
        detail = f"{invocation.error}: {invocation.payload}"
        raise RequestRefused(500, "Internal Server Error", detail)


def _find_source(source: str, request: HttpRequest) -> str:
    """Return the value of `$request.header.X` or `$request.querystring.X`; empty without one."""
    if source.startswith("$request.header."):
        return request.joined_headers.get(source.removeprefix("$request.header.").lower(), "")
    if source.startswith("$request.querystring."):
        return dict(request.query).get(source.removeprefix("$request.querystring."), "")
    return ""


def _read_answer(authorizer: HttpAuthorizer, answer: Any, route_arn: str) -> _Context:
    context = (answer.get("context") or {}) if isinstance(answer, dict) else None
    if not isinstance(context, dict):
        raise RequestRefused(500, "Internal Server Error", "the authorizer gave no answer")

    if authorizer.has_simple_responses:
        allowed = answer.get("isAuthorized")
        if not isinstance(allowed, bool):
            raise RequestRefused(500, "Internal Server Error", "isAuthorized is not a boolean")
    else:
        policy = answer.get("policyDocument")
        if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list | dict):
            raise RequestRefused(500, "Internal Server Error", "the authorizer gave no policyDocument")
        allowed = evaluate_policy(policy, route_arn) == "Allow"
    if not allowed:
        raise RequestRefused(403, "Forbidden", "the authorizer does not allow it")
    return context
