"""Publishes events by invoking the function `broadcast`, and says what became of each.

Lambda's Invoke is REST, not the JSON protocol: docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
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


def combine(results: Sequence[PublishResult]) -> PublishResult:
    """The result of a message, from those of its events.

    Where one needs another attempt, so does the message: its other events are then repeats. Else, where some
    break the contract, the message is rejected, with the problems of each.
    """
    if len(results) == 1:
        return results[0]
    for status in (PublishStatus.UNAVAILABLE, PublishStatus.FAULT):
        for result in results:
            if result.status is status:
                return result
    rejected = [index for index, result in enumerate(results) if result.status is PublishStatus.REJECTED]
    if not rejected:
        return PublishResult(PublishStatus.ACCEPTED)
    problems = tuple(
        {**problem, "field": f"events[{index}].{problem.get('field', '')}"}
        for index in rejected
        for problem in results[index].problems
    )
    reason = f"broadcast rejected {len(rejected)} of {len(results)} events, and published the others"
    return PublishResult(PublishStatus.REJECTED, reason, problems)


class BroadcastClient:
    """Publishes events through synchronous invokes of `function`. Safe to share between threads."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client, self._function = client, function

    def publish_all(self, events: Sequence[bytes]) -> list[PublishResult]:
        """Publish up to 100 events, which are JSON, by one invoke; returns the result of each, in order.

        Where the invoke fails as a whole, one of the events may be the cause: then each is published alone.
        Reports failures of AWS instead of raising them.
        """
        if len(events) == 1:
            return [self._result_of(self._invoke(events[0]))]
        response = self._invoke(b'{"events":[' + b",".join(events) + b"]}")
        results = _results(response, len(events)) if isinstance(response, InvokeResponse) else None
        if results is not None:
            return results
        whole = self._result_of(response)
        if whole.status is PublishStatus.UNAVAILABLE:
            return [whole] * len(events)
        return [self._result_of(self._invoke(event)) for event in events]

    def _result_of(self, response: InvokeResponse | PublishResult) -> PublishResult:
        return response if isinstance(response, PublishResult) else _result(response)

    def _invoke(self, payload: bytes) -> InvokeResponse | PublishResult:
        """Invoke the function; where AWS refuses or is not reached, returns what that says of the events."""
        try:
            return self._client.invoke(self._function, payload)
        except Unreachable as error:
            return PublishResult(PublishStatus.UNAVAILABLE, str(error)[:REASON_CHARS_MAX])
        except Refused as error:
            # Lambda answers 413 to a body that is too large; no other refusal depends on the event.
            status = PublishStatus.REJECTED if error.status == 413 else PublishStatus.UNAVAILABLE
            return PublishResult(status, str(error)[:REASON_CHARS_MAX])


def _results(response: InvokeResponse, count: int) -> list[PublishResult] | None:
    """What the response says of each event of an envelope; None if it answers the whole.

    An event that `broadcast` could not publish just now waits in the events queue: it is accepted.
    """
    body = _parse_object(response.payload)
    results = _parse_object(body.get("body")).get("results")
    if response.failed or body.get("statusCode") != 200 or not isinstance(results, list):
        return None
    if len(results) != count:
        return None
    return [
        PublishResult(PublishStatus.REJECTED, "broadcast rejected it", tuple(result.get("errors") or []))
        if result.get("broadcast") == "rejected"
        else PublishResult(PublishStatus.ACCEPTED)
        for result in results
    ]


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
