"""Faults on request: calls of a service and operation that fail or take long."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_FIELDS = {"service", "operation", "status", "error", "delay_ms", "cut", "share", "times"}


@dataclass(slots=True)
class Fault:
    """Calls of `service` and `operation` (`*`: any) wait `delay_ms`, and then fail.

    With a `status` they fail with it and the `error` type. `cut` drops the caller's connection instead:
    `before` the call is made, or `after` it, so that only the response is lost. The fault hits a `share`
    of the calls (above 0, at most 1), and at most `times` of them (None: until cleared).
    """

    service: str = "*"
    operation: str = "*"
    status: int | None = None
    error: str = "InternalFailure"
    delay_ms: int = 0
    cut: str = ""
    share: float = 1.0
    times: int | None = None
    hits: int = field(default=0, init=False)
    fault_id: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError(
                f"status: {self.status} is not an error; give 400 to 599, or leave it out to delay only"
            )
        if not 0 < self.share <= 1:
            raise ValueError(
                f"share: {self.share} is not a share of the calls; give a number above 0, at most 1"
            )
        if self.delay_ms < 0:
            raise ValueError(f"delay_ms: {self.delay_ms} is negative")
        if self.cut not in {"", "before", "after"}:
            raise ValueError(f"cut: {self.cut!r}; give before or after")
        if self.status is None and not self.delay_ms and not self.cut:
            raise ValueError("status, delay_ms or cut: give one of them; a fault without any does nothing")

    def applies(self, service: str, operation: str) -> bool:
        """Return whether the fault hits this call, and count the hit."""
        if self.service not in {"*", service} or self.operation not in {"*", operation}:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.share < 1 and random.random() >= self.share:  # noqa: S311 - no secret depends on it
            return False
        self.hits += 1
        return True


class Faults:
    """The faults in force, in the order in which they were added; the first that applies wins."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last_id = 0

    def add(self, fields: Mapping[str, Any]) -> Fault:
        """Put a fault in force. Raises ValueError naming the wrong field."""
        unknown = set(fields) - _FIELDS
        if unknown:
            raise ValueError(
                f"{', '.join(sorted(unknown))}: unknown; a fault has {', '.join(sorted(_FIELDS))}"
            )
        try:
            fault = Fault(**fields)
        except TypeError as error:
            raise ValueError(str(error)) from error
        self._last_id += 1
        fault.fault_id = self._last_id
        self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """Remove one fault, or all; return how many were removed."""
        before = len(self._faults)
        self._faults = [f for f in self._faults if fault_id is not None and f.fault_id != fault_id]
        return before - len(self._faults)

    def list(self) -> list[dict[str, Any]]:
        """Return the faults in force, with the number of hits of each."""
        return [asdict(fault) for fault in self._faults]

    def find(self, service: str, operation: str) -> Fault | None:
        """Return the fault that hits this call, or None."""
        return next((f for f in self._faults if f.applies(service, operation)), None)

    def __bool__(self) -> bool:
        return bool(self._faults)
