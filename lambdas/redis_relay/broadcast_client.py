"""Handing an event to `broadcast`, and what its answer means for whoever handed it over."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from realtime_core.adapters.aws_errors import Refused, Unreachable

if TYPE_CHECKING:
    from redis_relay.lambda_client import LambdaClient

REASON_CHARS_MAX = 500
# What a function of ours raises when something behind it is away, or it was deployed wrongly.
_NOT_THE_EVENTS_FAULT = frozenset({"StoreUnavailable", "SettingsInvalid"})


class Verdict(Enum):
    """What became of an event."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """It breaks the contract: no use to try again."""
    FAULT = "fault"
    """The function failed on it: perhaps this event is what it cannot bear."""
    UNAVAILABLE = "unavailable"
    """It never came to that: throttled, out of reach, its tables away. Every event would fare alike."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict with its reason, and the fields at fault where it is a rejection."""

    verdict: Verdict
    reason: str = ""
    problems: tuple[dict[str, str], ...] = ()


class Broadcast(Protocol):
    """Takes events; safe to share between threads."""

    def publish(self, event: bytes) -> Answer:
        """Publish an event, as JSON. Does not raise for what may go wrong on the way."""


class BroadcastFunction:
    """`Broadcast` by synchronous invokes."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client, self._function = client, function

    def publish(self, event: bytes) -> Answer:
        """Invoke once."""
        try:
            invoked = self._client.invoke(self._function, event)
        except Unreachable as error:
            return Answer(Verdict.UNAVAILABLE, str(error)[:REASON_CHARS_MAX])
        except Refused as error:
            # Lambda refuses bodies that are too large; anything else has nothing to do with the event.
            verdict = Verdict.REJECTED if error.status == 413 else Verdict.UNAVAILABLE
            return Answer(verdict, str(error)[:REASON_CHARS_MAX])
        answer = _object(invoked.payload)
        if invoked.failed:
            kind = str(answer.get("errorType", "unknown"))
            verdict = Verdict.UNAVAILABLE if kind in _NOT_THE_EVENTS_FAULT else Verdict.FAULT
            return Answer(verdict, f"{kind}: {answer.get('errorMessage', '')}"[:REASON_CHARS_MAX])
        if answer.get("statusCode") == 200:
            return Answer(Verdict.ACCEPTED)
        if answer.get("statusCode") == 400:
            problems = _object(answer.get("body")).get("errors") or []
            return Answer(Verdict.REJECTED, "broadcast rejected it", tuple(problems))
        return Answer(Verdict.FAULT, f"broadcast answered {answer.get('statusCode')!r}")


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
