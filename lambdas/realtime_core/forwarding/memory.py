"""The forwards queue in memory."""

from __future__ import annotations

from collections.abc import Sequence

from realtime_core.forwarding.base import Forward
from realtime_core.in_memory import InMemoryAdapter


class MemoryForwards(InMemoryAdapter):
    """`Forwards` in memory; `queued` has what was sent, in order."""

    def __init__(self) -> None:
        self.queued: list[Forward] = []

    def send(self, forwards: Sequence[Forward]) -> None:
        """Queue events for their buses."""
        self._reach()
        self.queued += forwards
