"""Access log lines and metrics of HTTP APIs.

docs.aws.amazon.com/apigateway/latest/developerguide/: http-api-logging-variables.html, http-api-metrics.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_cloud.gateway.apis import Stage
from local_cloud.gateway.http_events import HttpRequest


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """One request and its result; `context` is that of a Lambda authorizer."""

    request: HttpRequest
    stage: Stage | None
    route_key: str | None
    status: int
    response_bytes: int
    latency_ms: int
    error: str
    detail: str
    integration_ms: int | None
    integration_status: int | None
    context: dict[str, Any]

    def variables(self) -> dict[str, Any]:
        """Return the values of the `$context` variables of access logs; what has none is left out."""
        request = self.request

        values = {
            "requestId": request.request_id,
            "requestTimeEpoch": request.received_ms // 1000,
            "apiId": request.api_id,
            "stage": request.stage,
            "routeKey": self.route_key,
            "httpMethod": request.method,
            "path": request.full_path,
            "protocol": "HTTP/1.1",
            "status": self.status,
            "responseLength": self.response_bytes,
            "responseLatency": self.latency_ms,
            "identity.sourceIp": request.source_ip,
            "identity.userAgent": request.joined_headers.get("user-agent"),
            "error.message": self.error or None,
            "integrationErrorMessage": self.detail.replace('"', "'") if self.error and self.detail else None,
            "integrationLatency": self.integration_ms,
            "integration.status": self.integration_status,
            "integration.integrationStatus": None if self.integration_ms is None else 200,
            **{f"authorizer.{name}": value for name, value in self.context.items()},
        }

        return {name: value for name, value in values.items() if value is not None}

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Yield names and values of the metrics that the request changes."""
        yield "Count", 1
        yield "4xx", int(400 <= self.status < 500)
        yield "5xx", int(self.status >= 500)
        yield "Latency", self.latency_ms
        yield "DataProcessed", len(self.request.body) + self.response_bytes
        if self.integration_ms is not None:
            yield "IntegrationLatency", self.integration_ms
