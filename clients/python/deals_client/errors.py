"""The errors of this package.

DealsError
├── ValidationError        the service refused the fields that `problems` names
├── Forbidden              the token does not permit it; ends a subscription
├── NotFound               the message to acknowledge is not in the inbox
├── NotAuthorized          raised by `get_token`, or a refusal that no other token helps against
├── AuthenticationError    the token has expired or is not good
├── SubscriptionError      a subscription could not be stored, or passes a limit
├── MessageNotStored       a message could not be stored; nothing was sent
├── RateLimited            too many requests; try again after `retry_after` seconds
├── ServerError            a fault of the service; `correlation_id` finds it in the logs
├── NoReply                no answer until the deadline (also a TimeoutError)
├── QueueFull              too much waits for a connection already
├── MessageTooLarge        the frame would pass what API Gateway takes
├── DuplicateSubscription  the topic has a subscription with other filters
├── HandshakeRefused       the service refused a connection; `status` is the HTTP status, or None
├── ConfigurationError     an option, an argument or the URL is wrong
└── ClientClosed           the client was closed

The wire protocol's table of codes is the source of the first ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deals_client.json_values import as_list, as_object


class DealsError(Exception):
    """Base of the errors of this package, and the error of a code that it does not know."""

    retryable = False
    """Whether the same call may succeed later."""

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        """The service's code, or None for an error of the client."""
        self.request_id = request_id
        """The id of the request that failed: a repeat with the same id is safe."""


class ValidationError(DealsError):
    """The service refused a request; `problems` has the field and the problem of each fault."""

    problems: Sequence[Mapping[str, str]] = ()


class Forbidden(DealsError):
    """The token does not permit it."""


class NotFound(DealsError):
    """The message to acknowledge is not in the inbox."""


class NotAuthorized(DealsError):
    """A person must act, for example sign in again. `get_token` raises it to stop the client."""


class AuthenticationError(DealsError):
    """The token has expired or is not good."""

    retryable = True


class SubscriptionError(DealsError):
    """A subscription could not be stored, or passes a limit that `reason` names."""

    retryable = True
    reason: str | None = None


class MessageNotStored(DealsError):
    """A message could not be stored; nothing was sent."""

    retryable = True


class RateLimited(DealsError):
    """Too many requests; nothing was done."""

    retryable = True
    retry_after: float = 0.0
    """Seconds after which the next one passes."""


class ServerError(DealsError):
    """A fault of the service."""

    retryable = True
    correlation_id: str | None = None


class NoReply(DealsError, TimeoutError):
    """No answer until the deadline. The request may have been performed; repeat it with `request_id`."""

    retryable = True


class QueueFull(DealsError):
    """Too much waits for a connection already; nothing was sent."""

    retryable = True


class MessageTooLarge(DealsError):
    """The frame would pass what API Gateway takes; nothing was sent."""


class DuplicateSubscription(DealsError):
    """The topic has a subscription with other filters, which this one would silently replace."""


class HandshakeRefused(DealsError):
    """The service refused a connection; `status` is the HTTP status, or None where it is not known."""

    retryable = True

    def __init__(self, status: int | None) -> None:
        seen = "no HTTP answer" if status is None else f"HTTP status {status}"
        super().__init__(f"the handshake was refused ({seen})")
        self.status = status


class ConfigurationError(DealsError, ValueError):
    """An option, an argument or the URL is wrong; the text names it and the remedy."""


class ClientClosed(DealsError):
    """The client was closed, or disconnected while the call waited."""


_BY_CODE: Mapping[str, type[DealsError]] = {
    "VALIDATION_ERROR": ValidationError,
    "FORBIDDEN": Forbidden,
    "NOT_FOUND": NotFound,
    "AUTHENTICATION_ERROR": AuthenticationError,
    "SUBSCRIPTION_ERROR": SubscriptionError,
    "MESSAGE_ERROR": MessageNotStored,
    "RATE_LIMITED": RateLimited,
    "INTERNAL_ERROR": ServerError,
}
_PASSING = {None, "store", "too_many_new_filters"}
"""The reasons of a SUBSCRIPTION_ERROR that end by themselves."""


def error_of_frame(data: Mapping[str, Any], request_id: str | None) -> DealsError:
    """Return the error that the data of an `error` frame tells."""
    code, details = str(data.get("code")), data.get("details")
    error = _BY_CODE.get(code, DealsError)(f"{code}: {data.get('message')}", code=code, request_id=request_id)
    fields = as_object(details)
    match error:
        case ValidationError():
            error.problems = tuple(as_list(details))
        case ServerError():
            error.correlation_id = fields.get("correlationId")
        case SubscriptionError():
            error.reason = fields.get("reason")
            error.retryable = error.reason in _PASSING
        case _:
            pass  # these tell no more
    return error


def retry_after(data: Mapping[str, Any]) -> float | None:
    """Return the seconds that an `error` frame's data says to wait, or None."""
    wait = as_object(data.get("details")).get("retryAfterMs")
    return wait / 1000 if isinstance(wait, int | float) else None
