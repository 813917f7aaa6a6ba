"""How a call to AWS fails.

AwsError
├── Refused      the service answered, and it was no success
└── Unreachable  there was no answer
"""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """A call to AWS failed."""


class Refused(AwsError):
    """The service refused `operation` with the error `code`; `body` is all that it said."""

    def __init__(self, operation: str, code: str, status: int, body: dict[str, Any]) -> None:
        # No more than codes: messages may quote what was to be stored.
        super().__init__(f"{operation} was refused: {code} ({status})")
        self.operation = operation
        self.code = code
        self.status = status
        self.body = body


class Unreachable(AwsError):
    """`operation` got no whole answer in time; it may have been done all the same."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation} got no answer: {reason}")
        self.operation = operation
        self.reason = reason
