"""Counts the calls that pass the front: from where to where, under way, and failed.

Places are named by kind and name, such as `function:deals-local-broadcast` or `table:deals-local-history`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENTS, PUBLISHERS, GATEWAY, REDIS = "clients", "publishers", "gateway", "redis"
COUNTED_S = 1.0
FAILED_S = 60.0


class Edge(NamedTuple):
    """A way of calls, from one place to another."""

    source: str
    target: str


class Traffic:
    """Remembers the calls of the last second, the failures of the last minute, and what is under way."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._calls: defaultdict[Edge, deque[float]] = defaultdict(deque)
        self._failures: defaultdict[str, deque[float]] = defaultdict(deque)
        self._under_way: Counter[Edge] = Counter()

    def count(self, source: str, target: str) -> None:
        """Count one call."""
        self._add(self._calls[Edge(source, target)], COUNTED_S)

    def fail(self, target: str) -> None:
        """Count a failure of the place that was called."""
        self._add(self._failures[target], FAILED_S)

    @contextmanager
    def under_way(self, source: str, target: str) -> Iterator[None]:
        """Count one call, which is under way until the block ends."""
        edge = Edge(source, target)
        self.count(source, target)
        self._under_way[edge] += 1
        try:
            yield
        finally:
            self._under_way[edge] -= 1

    def calls(self) -> dict[Edge, int]:
        """Return how many calls there were in the last second, for every way that was ever used."""
        return {edge: self._recent(times, COUNTED_S) for edge, times in self._calls.items()}

    def failures(self, target: str) -> int:
        """Return how often a place failed in the last minute."""
        return self._recent(self._failures.get(target, deque()), FAILED_S)

    def in_flight(self, target: str) -> int:
        """Return how many calls of a place are under way."""
        return sum(number for edge, number in self._under_way.items() if edge.target == target)

    def is_busy(self, place: str) -> bool:
        """Return whether a call of a place, or one that it makes itself, is under way."""
        return any(number > 0 and place in edge for edge, number in self._under_way.items())

    def _add(self, times: deque[float], kept_s: float) -> None:
        times.append(self._now())
        self._recent(times, kept_s)

    def _recent(self, times: deque[float], kept_s: float) -> int:
        """Forget what is older, and return how many are left."""
        oldest = self._now() - kept_s
        while times and times[0] < oldest:
            times.popleft()
        return len(times)
