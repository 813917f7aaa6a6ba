"""Runs the integration of a route and reads its response as API Gateway does."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field, replace
from typing import Any

from local_cloud.gateway.apis import Integration
from local_cloud.gateway.backend import Backend
from local_cloud.gateway.events import Event

INTERNAL_ERROR = "Internal server error"
TIMED_OUT = "Endpoint request timed out"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an integration.

    `error` is API Gateway's own message when it failed, else empty; `status` is the function's
    `statusCode`, or 502 or 504 for a failed call.
    """

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""
    detail: str = ""
    latency_ms: int | None = None
    lambda_status: int | str = "-"
    lambda_request_id: str = "-"

    @property
    def succeeded(self) -> bool:
        """Whether the function returned a 2xx status."""
        return not self.error and 200 <= self.status < 300


async def run_integration(backend: Backend, integration: Integration | None, event: Event) -> Outcome:
    """Run the integration once. Never raises: a failure is an Outcome with an error."""
    if integration is None:
        return Outcome(500, error=INTERNAL_ERROR, detail="the route has no integration")
    if integration.kind == "MOCK":
        return _answer_mock(integration)
    if integration.kind != "AWS_PROXY":
        return Outcome(500, error=INTERNAL_ERROR, detail=f"{integration.kind} integrations are not imitated")

    started = time.monotonic()
    try:
        async with asyncio.timeout(integration.timeout_s):
            invocation = await backend.invoke(integration.function, event)
    except TimeoutError:
        detail = f"{integration.function} took longer than {integration.timeout_s:g} s"
        return Outcome(504, error=TIMED_OUT, detail=detail, latency_ms=_elapsed_ms(started))

    outcome = (
        Outcome(502, error=INTERNAL_ERROR, detail=f"{invocation.error}: {invocation.payload}")
        if invocation.error
        else read_integration_response(invocation.payload)
    )

    return replace(
        outcome,
        latency_ms=_elapsed_ms(started),
        lambda_status=invocation.status,
        lambda_request_id=invocation.request_id,
    )


def _answer_mock(integration: Integration) -> Outcome:
    if integration.mock_status is None:
        return Outcome(500, error=INTERNAL_ERROR, detail="the request template of the MOCK has no statusCode")
    return Outcome(integration.mock_status, integration.mock_body)


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def read_integration_response(payload: Any) -> Outcome:
    """Read a function's response: `statusCode`, and optionally `headers`, `body`, `isBase64Encoded`."""
    status = payload.get("statusCode") if isinstance(payload, dict) else None
    try:
        status = int(status) if status is not None else 0
    except (TypeError, ValueError):
        status = 0

    body = (payload.get("body") or "") if status else ""
    if not 100 <= status <= 599 or not isinstance(body, str):
        detail = "malformed proxy response: give a statusCode from 100 to 599 and a body that is a string"
        return Outcome(502, error=INTERNAL_ERROR, detail=detail)

    if payload.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body).decode(errors="replace")
        except ValueError:
            return Outcome(
                502, error=INTERNAL_ERROR, detail="isBase64Encoded is true, the body is not base64"
            )

    headers = {str(k): str(v) for k, v in (payload.get("headers") or {}).items()}
    return Outcome(status, body, headers)
