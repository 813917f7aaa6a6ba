"""Access log lines: a stage's format, filled with the `$context` variables of one event.

Variables: docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.gateway.apis import Stage
from local_cloud.gateway.events import Event, Peer
from local_cloud.gateway.integration import Outcome

_VARIABLE = re.compile(r"\$context\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One event and its result.

    `status` is what the client received (or would have); `error` is API Gateway's own message, empty
    without one; `outcome` is None when no integration ran; `replied` is whether a frame was sent back.
    """

    peer: Peer
    stage: Stage | None
    event: Event
    status: int
    error: str = ""
    outcome: Outcome | None = None
    replied: bool = False

    @property
    def kind(self) -> str:
        """`CONNECT`, `MESSAGE` or `DISCONNECT`."""
        return str(self.event["requestContext"]["eventType"])


def format_line(access: AccessRecord) -> str:
    """Return the record in its stage's format; a variable without a value is `-`."""
    return fill_format(access.stage.log_format if access.stage else "", _collect_variables(access))


def fill_format(log_format: str, values: Mapping[str, Any]) -> str:
    """Return a format with the values of its `$context` variables; one without a value is `-`."""
    return _VARIABLE.sub(lambda match: str(values.get(match[1], "-")), log_format)


def _collect_variables(access: AccessRecord) -> dict[str, Any]:
    values = _flatten(access.event["requestContext"])
    values["status"] = access.status
    if access.error:
        values["error.message"] = access.error
        values["error.messageString"] = json.dumps(access.error)

    outcome = access.outcome
    if outcome is not None and outcome.latency_ms is not None:
        values |= {
            # Of a Lambda proxy integration: the function's own status, and that of the Lambda service.
            "integration.status": outcome.status,
            "integration.integrationStatus": outcome.lambda_status,
            "integrationStatus": outcome.lambda_status,
            "integration.latency": outcome.latency_ms,
            "integrationLatency": outcome.latency_ms,
            "integration.requestId": outcome.lambda_request_id,
        }

    if outcome is not None and outcome.error:
        detail = re.sub(r"\s+", " ", outcome.detail or outcome.error).replace('"', "'")
        values |= {"integration.error": detail, "integrationErrorMessage": detail}
    return values


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
