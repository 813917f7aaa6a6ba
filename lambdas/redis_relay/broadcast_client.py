"""Publishes events by invoking the function `broadcast`, and says what became of each.

Lambda's Invoke is REST, not the JSON protocol: docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import quote

from realtime_core.aws.client import create_client
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.aws.json_client import AwsClient

REASON_CHARS_MAX = 500
# Errors that our functions raise when a dependency is away or a setting is wrong, whatever the event is.
_NOT_CAUSED_BY_EVENT = frozenset({"StoreUnavailable", "SettingsInvalid"})


class PublishStatus(Enum):
    """What became of an event."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """The event breaks the contract: a retry cannot help."""
    FAULT = "fault"
    """The function failed on this event, which may be the cause."""
    UNAVAILABLE = "unavailable"
    """The function did not process the event: throttled, unreachable, or its tables are away. Every event
    would have the same result."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The status of an event, the reason for it, and the invalid fields of a rejected event."""

    status: PublishStatus
    reason: str = ""
    problems: tuple[dict[str, str], ...] = ()


class InvokeResponse(NamedTuple):
    """The JSON that a function returned; `failed` if the function raised, and `payload` is its error."""

    payload: bytes
    failed: bool


class LambdaClient(AwsClient):
    """A client of Lambda that invokes functions synchronously. Safe to share between threads."""

    def invoke(self, function: str, payload: bytes) -> InvokeResponse:
        """Invoke a function by its name or ARN. Raises Refused and Unreachable, but not if it fails."""
        path = f"{self.endpoint.path}/2015-03-31/functions/{quote(function, safe='')}/invocations"
        response = self._exchange("Invoke", lambda: self._request(path, payload))
        return InvokeResponse(response.body, failed=response.header(b"x-amz-function-error") is not None)

    def _request(self, path: str, payload: bytes) -> bytes:
        headers = {"content-type": "application/json", "x-amz-invocation-type": "RequestResponse"}
        return self._post(path, quote(path), headers).build(payload, time.time())


def lambda_client(**overrides: Any) -> LambdaClient:
    """Create a client of Lambda; for `overrides` and the defaults see `aws.client`."""
    return create_client(LambdaClient, "lambda", **overrides)


class BroadcastClient:
    """Publishes events through synchronous invokes of `function`. Safe to share between threads."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client, self._function = client, function

    def publish(self, event: bytes) -> PublishResult:
        """Publish an event, which is JSON, by one invoke. Reports failures of AWS instead of raising them."""
        try:
            response = self._client.invoke(self._function, event)
        except Unreachable as error:
            return PublishResult(PublishStatus.UNAVAILABLE, str(error)[:REASON_CHARS_MAX])
        except Refused as error:
            # Lambda answers 413 to a body that is too large; no other refusal depends on the event.
            status = PublishStatus.REJECTED if error.status == 413 else PublishStatus.UNAVAILABLE
            return PublishResult(status, str(error)[:REASON_CHARS_MAX])
        return _result(response)


def _result(response: InvokeResponse) -> PublishResult:
    """What the response of `broadcast` says of the event."""
    body = _parse_object(response.payload)
    if response.failed:
        kind = str(body.get("errorType", "unknown"))
        status = PublishStatus.UNAVAILABLE if kind in _NOT_CAUSED_BY_EVENT else PublishStatus.FAULT
        return PublishResult(status, f"{kind}: {body.get('errorMessage', '')}"[:REASON_CHARS_MAX])

    if body.get("statusCode") == 200:
        return PublishResult(PublishStatus.ACCEPTED)
    if body.get("statusCode") == 400:
        problems = _parse_object(body.get("body")).get("errors") or []
        return PublishResult(PublishStatus.REJECTED, "broadcast rejected it", tuple(problems))
    return PublishResult(PublishStatus.FAULT, f"broadcast answered {body.get('statusCode')!r}")


def _parse_object(text: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
