"""A call that is under way while its caller does something else: several wait for their stores together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class StartedCall(Generic[T]):
    """A call whose result can be waited for once; `finish` waits for it, `discard` gives it up."""

    __slots__ = ("_discard", "_finish", "_value")

    def __init__(self, finish: Callable[[], T], discard: Callable[[], None] | None = None) -> None:
        self._finish: Callable[[], T] | None = finish
        self._discard = discard
        self._value: Any = None

    def result(self) -> T:
        """Return the result, waiting for it the first time. Raises what the call raises, then only."""
        if self._finish is not None:
            finish, self._finish, self._discard = self._finish, None, None
            self._value = finish()
        value: T = self._value
        return value

    def then(self, convert: Callable[[T], R]) -> StartedCall[R]:
        """Return the call with its result converted."""
        return StartedCall(lambda: convert(self.result()), self.discard)

    def discard(self) -> None:
        """Give up a result that nobody has waited for; else do nothing."""
        discard, self._discard = self._discard, None
        if discard is not None:
            discard()
