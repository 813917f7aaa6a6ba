"""One line of a stage's access log: its format with the `$context` variables of one event filled in.

Variables: docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from local_cloud.gateway.apis import Stage
from local_cloud.gateway.events import Event, Peer
from local_cloud.gateway.integration import Outcome

_VARIABLE = re.compile(r"\$context\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")


@dataclass(frozen=True, slots=True)
class Access:
    """One event and how it went.

    `status` is what the client got (or would have); `error` is API Gateway's own message, empty when
    it had none; `outcome` is None when no integration ran; `replied` is whether a frame went back.
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


def line(access: Access) -> str:
    """The access in its stage's format; a variable that has no value is `-`."""
    values = _variables(access)
    log_format = access.stage.log_format if access.stage else ""
    return _VARIABLE.sub(lambda found: str(values.get(found[1], "-")), log_format)


def _variables(access: Access) -> dict[str, Any]:
    values = _flat(access.event["requestContext"])
    values["status"] = access.status
    if access.error:
        values["error.message"] = access.error
        values["error.messageString"] = json.dumps(access.error)
    outcome = access.outcome
    if outcome is not None and outcome.latency_ms is not None:
        values |= {
            # Of a proxy integration: what the function's code answered, and what the Lambda service did.
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


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
