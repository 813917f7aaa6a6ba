"""Access log lines and metrics of HTTP APIs.

docs.aws.amazon.com/apigateway/latest/developerguide/: http-api-logging-variables.html, http-api-metrics.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local_cloud.gateway.apis import Stage
from local_cloud.gateway.http_events import HttpRequest


@dataclass(slots=True)
class Answer:
    """What the client gets; `detail` is for the log, `error` API Gateway's own message.

    `integration_status` is what the function answered, `lambda_status` what Lambda did: None where that is
    not known, as after a timeout. `context` is that of a Lambda authorizer.
    """

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""
    detail: str = ""
    integration_ms: int | None = None
    integration_status: int | None = None
    lambda_status: int | None = None
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """One request and its answer."""

    request: HttpRequest
    stage: Stage | None
    route_key: str | None
    answer: Answer
    latency_ms: int

    def variables(self) -> dict[str, Any]:
        """Return the values of the `$context` variables of access logs; what has none is left out."""
        request, answer = self.request, self.answer

        values = {
            "requestId": request.request_id,
            "requestTimeEpoch": request.received_ms // 1000,
            "apiId": request.api_id,
            "stage": request.stage,
            "routeKey": self.route_key,
            "httpMethod": request.method,
            "path": request.full_path,
            "protocol": "HTTP/1.1",
            "status": answer.status,
            "responseLength": len(answer.body),
            "responseLatency": self.latency_ms,
            "identity.sourceIp": request.source_ip,
            "identity.userAgent": request.joined_headers.get("user-agent"),
            "error.message": answer.error or None,
            "integrationErrorMessage": answer.detail.replace('"', "'")
            if answer.error and answer.detail
            else None,
            "integrationLatency": answer.integration_ms,
            "integration.status": answer.integration_status,
            "integration.integrationStatus": answer.lambda_status,
            **{f"authorizer.{name}": value for name, value in answer.context.items()},
        }

        return {name: value for name, value in values.items() if value is not None}

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Yield names and values of the metrics that the request changes."""
        yield "Count", 1
        yield "4xx", int(400 <= self.answer.status < 500)
        yield "5xx", int(self.answer.status >= 500)
        yield "Latency", self.latency_ms
        yield "DataProcessed", len(self.request.body) + len(self.answer.body)
        if self.answer.integration_ms is not None:
            yield "IntegrationLatency", self.answer.integration_ms
