"""The in-memory twin of the signing keys."""

from __future__ import annotations

from collections.abc import Sequence

from realtime_core.adapters.memory.outage import Breakable


class MemorySecrets(Breakable):
    """`Secrets` in memory: `keys` is what the next call returns, newest first."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def signing_keys(self, now: float) -> Sequence[str]:  # noqa: ARG002 - the port's clock; nothing ages here
        """The secrets that may have signed a token, newest first."""
        self._reach()
        return self.keys
