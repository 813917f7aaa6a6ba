"""The errors that the service raises on purpose.

ServiceError
├── ActionError                 the reply to a client's frame is an `error` frame with this `code`
│   ├── ValidationFailed        VALIDATION_ERROR, with every invalid field
│   ├── AuthenticationFailed    AUTHENTICATION_ERROR
│   ├── Forbidden               FORBIDDEN, with the topic or the recipient
│   ├── ConnectionUnknown       CONNECTION_ERROR
│   ├── SubscriptionFailed      SUBSCRIPTION_ERROR
│   ├── MessageFailed           MESSAGE_ERROR
│   ├── NotFound                NOT_FOUND
│   └── RateLimited             RATE_LIMITED
├── TokenRefused                the handshake fails with 401 or 403; the reason goes to the log only
├── StoreUnavailable            a table, queue or secret could not be reached; the caller may retry
└── SettingsInvalid             an environment setting is missing or out of range; the text names it
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One invalid field: `field` is its dotted path as the sender wrote it, `problem` the remedy."""

    field: str
    problem: str

    def as_dict(self) -> dict[str, str]:
        """The wire form, an element of `details`."""
        return {"field": self.field, "problem": self.problem}


class ServiceError(Exception):
    """Base class of the service's own errors."""


class ActionError(ServiceError):
    """An action failed; the client receives an `error` frame with `code`, `message` and `details`.

    `request_id` is set only if the error was raised before the frame was decoded into a `Request`.
    """

    code = "INTERNAL_ERROR"

    def __init__(self, message: str, details: Any = None, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.request_id = request_id


class ValidationFailed(ActionError):
    """The input breaks the contract; `problems` names every invalid field, not just the first."""

    code = "VALIDATION_ERROR"

    def __init__(
        self, problems: Sequence[Problem], message: str | None = None, *, request_id: str | None = None
    ) -> None:
        self.problems = tuple(problems)
        summary = message or "; ".join(f"{p.field}: {p.problem}" for p in self.problems[:3])
        super().__init__(summary, [p.as_dict() for p in self.problems], request_id=request_id)


class AuthenticationFailed(ActionError):
    """The token has expired, was revoked, or is not valid for this connection."""

    code = "AUTHENTICATION_ERROR"


class Forbidden(ActionError):
    """The token does not permit it; `details` names the topic or the recipient."""

    code = "FORBIDDEN"


class ConnectionUnknown(ActionError):
    """The connection has no record; the client should reconnect."""

    code = "CONNECTION_ERROR"


class SubscriptionFailed(ActionError):
    """A subscription could not be stored, or the connection has reached its limit."""

    code = "SUBSCRIPTION_ERROR"


class MessageFailed(ActionError):
    """A message could not be stored; nothing was sent."""

    code = "MESSAGE_ERROR"


class NotFound(ActionError):
    """The acknowledged message is not in the caller's inbox."""

    code = "NOT_FOUND"


class RateLimited(ActionError):
    """The caller's token bucket for this action is empty for another `retry_after_ms` milliseconds."""

    code = "RATE_LIMITED"

    def __init__(self, retry_after_ms: int) -> None:
        details: Mapping[str, int] = {"retryAfterMs": retry_after_ms}
        super().__init__(f"Too many requests; try again in {retry_after_ms} ms", details)
        self.retry_after_ms = retry_after_ms


class TokenRefused(ServiceError):
    """A token does not open a connection.

    `status` is the HTTP status of the handshake: 401 if the token is missing, invalid or revoked, 403 if it
    is valid but does not allow connecting. `reason` is a short word for the log and the metric, `detail` more
    for the log; clients see neither.
    """

    def __init__(self, status: int, reason: str, detail: str | None = None) -> None:
        super().__init__(reason if detail is None else f"{reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail


class StoreUnavailable(ServiceError):
    """A table, queue or secret could not be reached, or refused the call, after the client's own retries."""


class SettingsInvalid(ServiceError):
    """An environment setting is missing or out of range; the text names it and says how to fix it."""
