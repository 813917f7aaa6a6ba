"""Serves the HTTP APIs that the emulator declares: routes, throttles, authorizers, functions, logs, metrics.

What needs the emulator's own knowledge is handed on to it whole: a route with IAM authorization, since it
alone can check the signature and the policies of a caller, and one with a JWT authorizer of API Gateway.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from typing import Any

from aiohttp import ClientError, hdrs, web

from local_cloud.gateway import forwarding
from local_cloud.gateway.apis import ApiCache, Stage
from local_cloud.gateway.backend import Backend, Invocation
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.enforcement import Call
from local_cloud.gateway.http_apis import HttpApi, HttpRoute, find_target
from local_cloud.gateway.http_authorizer import HttpAuthorizers, RequestRefused
from local_cloud.gateway.http_events import HttpRequest, build_request_event
from local_cloud.gateway.http_telemetry import Answer, HttpAccess
from local_cloud.gateway.management import StageAddress
from local_cloud.gateway.telemetry import Telemetry
from local_cloud.gateway.throttle import Throttles

logger = logging.getLogger(__name__)

BODY_BYTES_MAX = 10 * 1024 * 1024
"""docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
_BY_EMULATOR = frozenset({"AWS_IAM", "JWT"})


class HttpGateway:
    """Serves all HTTP APIs of one emulator; it shares the throttles of the account with the other gateway."""

    def __init__(
        self,
        backend: Backend,
        apis: ApiCache[HttpApi],
        clock: Clock,
        throttles: Throttles,
        telemetry: Telemetry,
    ) -> None:
        self.apis = apis
        self._backend, self._throttles, self._telemetry = backend, throttles, telemetry
        self._authorizers = HttpAuthorizers(backend, clock)

    async def serve(self, call: Call, api: HttpApi, address: StageAddress, *, signed: bool) -> web.Response:
        """Answer one request; `signed` is whether it has a signature that may be good."""
        started = time.monotonic()
        target = find_target(api, address.stage, address.rest)
        request = await _read_request(call, api.api_id, address, target.stage.name if target else "-")
        route = api.select(request.method, target.path) if target else None
        if target is None or route is None:
            answer = _refuse(404, "Not Found", f"nothing is served at {request.method} {call.request.path}")
        else:
            try:
                answer = await self._run(call, request, route, target.stage, signed=signed)
            except RequestRefused as refused:
                answer = _refuse(refused.status, refused.message, refused.detail)
        if answer.detail:
            logger.info("%s %s: %s", api.api_id, route.key if route else request.path, answer.detail)

        stage, latency_ms = target.stage if target else None, _elapsed_ms(started)
        access = HttpAccess(request, stage, route.key if route else None, answer, latency_ms)
        self._telemetry.record_http(access)
        response = web.Response(status=answer.status, body=answer.body)
        for name, value in answer.headers:
            response.headers.add(name, value)
        response.headers.setdefault("apigw-requestid", request.request_id)
        return response

    async def _run(
        self, call: Call, request: HttpRequest, route: HttpRoute, stage: Stage, *, signed: bool
    ) -> Answer:
        """Hold a request to the limits, authorize it, and run its function. Raises RequestRefused."""
        limit = stage.limit(route.key)
        if not (
            self._throttles.allows_request()
            and self._throttles.allows(limit, request.api_id, stage.name, route.key)
        ):
            raise RequestRefused(429, "Too Many Requests", "throttled")
        if len(request.body) > BODY_BYTES_MAX:
            raise RequestRefused(413, "Request Entity Too Large", f"{len(request.body)} bytes")
        if route.authorization in _BY_EMULATOR:
            # The emulator lets a request with another kind of credentials pass.
            if route.authorization == "AWS_IAM" and not signed:
                raise RequestRefused(403, "Forbidden", "it has no good signature")
            return await self._hand_on(call, request)

        context = None
        if route.authorization == "CUSTOM" and route.authorizer is not None:
            context = await self._authorizers.authorize(route.authorizer, request, route.key)
        elif route.authorization != "NONE":
            detail = f"{route.authorization} authorization is not imitated"
            raise RequestRefused(500, "Internal Server Error", detail)
        if route.function is None:
            detail = "only functions with payload format 2.0 are imitated"
            raise RequestRefused(500, "Internal Server Error", detail)
        return await self._invoke(request, route, route.function, context)

    async def _invoke(
        self, request: HttpRequest, route: HttpRoute, function: str, context: dict[str, Any] | None
    ) -> Answer:
        account = function.split(":")[4] if function.count(":") > 4 else "-"
        event = build_request_event(request, route.key, account, context)
        largest = self._backend.limits.lambda_request_bytes
        if largest is not None and len(json.dumps(event, ensure_ascii=False).encode()) > largest:
            raise RequestRefused(413, "Request Entity Too Large", "more than an invocation takes")

        started = time.monotonic()
        try:
            async with asyncio.timeout(route.timeout_s):
                invocation = await self._backend.invoke(function, event)
            answer = read_function_response(invocation)
            answer.lambda_status = invocation.status
        except TimeoutError:
            answer = _refuse(503, "Service Unavailable", f"longer than {route.timeout_s:g} s")
        answer.integration_ms = _elapsed_ms(started)
        answer.context = context or {}
        return answer

    async def _hand_on(self, call: Call, request: HttpRequest) -> Answer:
        """Let the emulator authorize the request and run its function."""
        started = time.monotonic()
        try:
            upstream = await forwarding.send(self._backend, call, request.body)
            body = await forwarding.read(upstream)
        except (ClientError, OSError) as error:
            forwarding.log_failure(call, error, started)
            return _refuse(503, "Service Unavailable", f"the emulator did not answer: {error}")
        # It names the request only where it came as far as the route; before, it is a refusal of IAM.
        if upstream.status == 403 and "apigw-requestid" not in upstream.headers:
            return _refuse(403, "Forbidden", body.decode("utf-8", "replace"))
        dropped = {"content-length", "date", "server"}
        headers: list[tuple[str, str]] = [
            (str(name), value)
            for name, value in forwarding.answer_headers(upstream.headers).items()
            if name.lower() not in dropped
        ]
        status, elapsed = upstream.status, _elapsed_ms(started)
        return Answer(status, body, headers, integration_ms=elapsed, integration_status=status)


async def _read_request(call: Call, api_id: str, address: StageAddress, stage: str) -> HttpRequest:
    request = call.request
    body = await request.content.read() if call.body is None else call.body
    path = f"/{address.stage}{address.rest}" if stage == "$default" else address.rest or "/"
    return HttpRequest(
        api_id=api_id,
        stage=stage,
        method=request.method,
        path=path,
        query_string=request.query_string,
        query=tuple(request.query.items()),
        headers=tuple(
            (name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP
        ),
        body=body,
        source_ip=request.remote or "127.0.0.1",
    )


_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect"})


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _refuse(status: int, message: str, detail: str) -> Answer:
    headers: list[tuple[str, str]] = [(hdrs.CONTENT_TYPE, "application/json")]
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return Answer(status, body, headers, error=message, detail=detail)


def read_function_response(invocation: Invocation) -> Answer:
    """Read what a function returned, in payload format 2.0; without a `statusCode` it is the body itself."""
    payload = invocation.payload
    if invocation.error:
        return _refuse(500, "Internal Server Error", f"{invocation.error}: {payload}")
    if not (isinstance(payload, dict) and "statusCode" in payload):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        headers = [(str(hdrs.CONTENT_TYPE), "application/json")]
        return Answer(200, text.encode(), headers, integration_status=200)

    try:
        status, body = int(payload["statusCode"]), payload.get("body") or ""
        data = base64.b64decode(body) if payload.get("isBase64Encoded") else str(body).encode()
        headers = [(str(name), str(value)) for name, value in (payload.get("headers") or {}).items()]
        headers += [("Set-Cookie", str(cookie)) for cookie in payload.get("cookies") or ()]
    except (AttributeError, TypeError, ValueError) as error:
        return _refuse(500, "Internal Server Error", f"a malformed response of the function: {error}")
    if not 100 <= status <= 599:
        return _refuse(500, "Internal Server Error", f"statusCode {status}")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append((hdrs.CONTENT_TYPE, "text/plain; charset=utf-8"))
    return Answer(status, data, headers, integration_status=status)
