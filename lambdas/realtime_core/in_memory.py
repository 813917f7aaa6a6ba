"""Outages of in-memory adapters."""

from __future__ import annotations

from realtime_core.errors import StoreUnavailable


class InMemoryAdapter:
    """An in-memory adapter that raises StoreUnavailable from every call while `down` is true."""

    down = False

    def _reach(self) -> None:
        if self.down:
            raise StoreUnavailable(f"{type(self).__name__} is down")
