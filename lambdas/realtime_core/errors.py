"""Every error that the service raises on purpose.

ServiceError
├── ActionError                 a client's frame gets an `error` frame; `code` is the wire contract's
│   ├── ValidationFailed        VALIDATION_ERROR, with the fields at fault
│   ├── AuthenticationFailed    AUTHENTICATION_ERROR
│   ├── ConnectionUnknown       CONNECTION_ERROR
│   ├── SubscriptionFailed      SUBSCRIPTION_ERROR
│   ├── MessageFailed           MESSAGE_ERROR
│   ├── NotFound                NOT_FOUND
│   └── RateLimited             RATE_LIMITED
├── TokenRefused                the handshake is answered 401 or 403; the reason is for the log only
├── StoreUnavailable            a table or queue did not take the call; the caller may try again
└── SettingsInvalid             an environment setting is missing or out of range; names it
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One field at fault: `field` is its dotted path as the sender wrote it, `problem` the remedy."""

    field: str
    problem: str

    def as_dict(self) -> dict[str, str]:
        """The wire form, an element of `details`."""
        return {"field": self.field, "problem": self.problem}


class ServiceError(Exception):
    """Base of all errors raised on purpose."""


class ActionError(ServiceError):
    """An action that cannot be done; becomes an `error` frame with `code`, `message`, `details`.

    `request_id` is set only where the error was raised before there was a `Request` to take it from.
    """

    code = "INTERNAL_ERROR"

    def __init__(self, message: str, details: Any = None, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.request_id = request_id


class ValidationFailed(ActionError):
    """The input breaks the contract; `problems` names every field at fault, not just the first."""

    code = "VALIDATION_ERROR"

    def __init__(
        self, problems: Sequence[Problem], message: str | None = None, *, request_id: str | None = None
    ) -> None:
        self.problems = tuple(problems)
        summary = message or "; ".join(f"{p.field}: {p.problem}" for p in self.problems[:3])
        super().__init__(summary, [p.as_dict() for p in self.problems], request_id=request_id)


class AuthenticationFailed(ActionError):
    """The token has run out, was revoked, or is not acceptable for this connection."""

    code = "AUTHENTICATION_ERROR"


class ConnectionUnknown(ActionError):
    """There is no record of this connection; the client should reconnect."""

    code = "CONNECTION_ERROR"


class SubscriptionFailed(ActionError):
    """A subscription could not be stored, or the connection has its maximum."""

    code = "SUBSCRIPTION_ERROR"


class MessageFailed(ActionError):
    """A message could not be stored; nothing was sent."""

    code = "MESSAGE_ERROR"


class NotFound(ActionError):
    """The message to acknowledge is not in the caller's inbox."""

    code = "NOT_FOUND"


class RateLimited(ActionError):
    """The caller's bucket for this action is empty for another `retry_after_ms` milliseconds."""

    code = "RATE_LIMITED"

    def __init__(self, retry_after_ms: int) -> None:
        details: Mapping[str, int] = {"retryAfterMs": retry_after_ms}
        super().__init__(f"Too many requests; try again in {retry_after_ms} ms", details)
        self.retry_after_ms = retry_after_ms


class TokenRefused(ServiceError):
    """A token that does not open a connection.

    `status` is the handshake's answer: 401 for a token that is missing or not valid, 403 for a valid one
    whose owner may not connect. `reason` is a short word for the log and the metric; no client sees it.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class StoreUnavailable(ServiceError):
    """A table, queue or secret could not be reached or refused the call after the client's own retries."""


class SettingsInvalid(ServiceError):
    """An environment setting is missing or out of range; the text names it and the remedy."""
