"""What API Gateway refuses: long URLs, large authorizer results, logs without the account's role.

docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local_cloud.limits.settings import Limits, Refusal, exceeds

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAGES = re.compile(r"^/v2/apis/[^/]+/stages(/[^/]+)?$")


def check_url(api_id: str, region: str, target: str, limits: Limits) -> Refusal | None:
    """Return the refusal of a handshake whose URL is too long on AWS, else None."""
    url = f"wss://{api_id}.execute-api.{region}.amazonaws.com{target}"
    if exceeds(len(url), limits.websocket_url_characters):
        return Refusal("RequestURITooLong", "Request-URI Too Long", 414)
    return None


def is_authorizer_result_too_large(result: Any, limits: Limits) -> bool:
    """Return whether the JSON of an authorizer's result is above the limit."""
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    return exceeds(len(text.encode()), limits.authorizer_result_bytes)


def turns_logs_on(method: str, path: str, parameters: Mapping[str, Any]) -> bool:
    """Return whether a call of apigatewayv2 gives a stage an access log or an execution log."""
    if method not in {"POST", "PATCH"} or not _STAGES.match(path):
        return False
    routes = [parameters.get("defaultRouteSettings") or {}, *(parameters.get("routeSettings") or {}).values()]
    executions = any(route.get("loggingLevel") in {"ERROR", "INFO"} for route in routes)
    return executions or bool((parameters.get("accessLogSettings") or {}).get("destinationArn"))


def check_logging_role(account_role: str | None, limits: Limits) -> Refusal | None:
    """Return AWS's error for a log in an account without a logging role, else None.

    The message is the one that users report of CreateStage, as in the AWS CDK's issues on WebSocket APIs.
    """
    if limits.logging_role_required and not account_role:
        return Refusal(
            "BadRequestException",
            "CloudWatch Logs role ARN must be set in account settings to enable logging",
        )
    return None
