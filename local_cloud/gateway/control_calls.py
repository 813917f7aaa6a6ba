"""What the parts of the control API offer it: their calls, by method and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ControlCalls = Mapping[str, Callable[..., Any]]
"""By `METHOD path`, a regular expression: a function of the body and the groups, which may be a coroutine's.

The body of a GET is its query, each value a text. The function returns JSON, and raises ValueError naming the
wrong field, KeyError with a missing one, LookupError for what does not exist, Unavailable.
"""


class Unavailable(Exception):
    """What a call needs did not answer; the message says why."""
