"""Faults on request: calls of a service and operation that fail or take long."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from local_cloud.gateway.control_calls import BadCall
from local_cloud.gateway.control_fields import read_flag, read_number, read_whole

SECONDS_MAX = 3_600.0
"""The longest time after which a fault ends by itself."""
_DELAY_MS_MAX = 3_600_000
_TIMES_MAX = 1_000_000_000
REORDER_S_MAX = 900
"""The longest `DelaySeconds` of a message: SQS's own limit."""
_FIELDS = {
    "service", "operation", "status", "error", "delay_ms", "cut", "twice", "reorder_s", "share", "times",
    "seconds",
}  # fmt: skip
_TEXTS = ("service", "operation", "error")


@dataclass(slots=True)
class Fault:
    """Calls of `service` and `operation` (`*`: any) wait `delay_ms`, and then fail.

    With a `status` they fail with it and the `error` type. `cut` drops the caller's connection instead:
    `before` the call is made, or `after` it, so that only the response is lost. `twice` carries the call
    out two times, so that a queue has its message doubled; `reorder_s` has each message that is sent to a
    queue wait for a random time of at most so many seconds, so that later ones overtake it. The fault hits
    a `share` of the calls (above 0, at most 1), at most `times` of them, and for `seconds` (None: until
    cleared).
    """

    service: str = "*"
    operation: str = "*"
    status: int | None = None
    error: str = "InternalFailure"
    delay_ms: int = 0
    cut: str = ""
    twice: bool = False
    reorder_s: int = 0
    share: float = 1.0
    times: int | None = None
    seconds: float | None = None
    hits: int = field(default=0, init=False)
    fault_id: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _FIELDS}
        for name in _TEXTS:
            if not isinstance(given[name], str):
                raise BadCall(f"{name}: {given[name]!r:.100}; give a text")
        if self.status is not None and (type(self.status) is not int or not 400 <= self.status <= 599):
            found = f"status: {self.status!r:.100} is not an error"
            raise BadCall(f"{found}; give 400 to 599, or leave it out to delay only")
        read_number(given, "share", 1, 0, 1, is_open=True)
        read_whole(given, "delay_ms", 0, 0, _DELAY_MS_MAX)
        read_whole(given, "reorder_s", 0, 0, REORDER_S_MAX)
        read_flag(given, "twice", default=False)
        if self.times is not None:
            read_whole(given, "times", 0, 0, _TIMES_MAX)
        if self.seconds is not None:
            read_number(given, "seconds", 0, 0, SECONDS_MAX, is_open=True)
        if self.cut not in ("", "before", "after"):
            raise BadCall(f"cut: {self.cut!r:.100}; give before or after")
        if not (self.status or self.delay_ms or self.cut or self.twice or self.reorder_s):
            effects = "status, delay_ms, cut, twice or reorder_s"
            raise BadCall(f"{effects}: give one of them; a fault without any does nothing")

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

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._faults: list[Fault] = []
        self._ends: dict[int, float] = {}
        self._last_id = 0

    def add(self, fields: Mapping[str, Any]) -> Fault:
        """Put a fault in force. Raises BadCall naming the wrong field."""
        unknown = set(fields) - _FIELDS
        if unknown:
            raise BadCall(f"{', '.join(sorted(unknown))}: unknown; a fault has {', '.join(sorted(_FIELDS))}")
        fault = Fault(**fields)
        self._last_id += 1
        fault.fault_id = self._last_id
        self._ends[fault.fault_id] = math.inf if fault.seconds is None else self._now() + fault.seconds
        self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """Remove one fault, or all; return how many were removed."""
        self._drop_ended()
        before = len(self._faults)
        self._faults = [f for f in self._faults if fault_id is not None and f.fault_id != fault_id]
        return before - len(self._faults)

    def list(self) -> list[dict[str, Any]]:
        """Return the faults in force, with the number of hits of each."""
        self._drop_ended()
        return [asdict(fault) for fault in self._faults]

    def find(self, service: str, operation: str) -> Fault | None:
        """Return the fault that hits this call, or None."""
        self._drop_ended()
        return next((f for f in self._faults if f.applies(service, operation)), None)

    def _drop_ended(self) -> None:
        now = self._now()
        self._faults = [fault for fault in self._faults if self._ends[fault.fault_id] > now]
        self._ends = {fault.fault_id: self._ends[fault.fault_id] for fault in self._faults}

    def __bool__(self) -> bool:
        return bool(self._faults)
