"""What the parts of the control API offer it: their calls, by method and path, and how these refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ControlCalls = Mapping[str, Callable[..., Any]]
"""By `METHOD path`, a regular expression: a function of the body and the groups, which may be a coroutine's.

The body of a GET is its query, each value a text. The function returns JSON, and raises BadCall, NotFound or
Unavailable; every other error is a fault of the cloud's own.
"""


class BadCall(ValueError):
    """The call is wrong; the message begins with the field (`FIELD: …`)."""


class NotFound(LookupError):
    """What the call names does not exist; the message says what."""


class Unavailable(Exception):
    """What a call needs did not answer; the message says why."""
