"""In-memory twins of the revocations table and of the signing keys."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from realtime_core.auth.base import Revocation
from realtime_core.in_memory import InMemoryAdapter


class MemoryRevocations(InMemoryAdapter):
    """`Revocations` in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Revocation] = {}

    def revoke(self, revocation: Revocation) -> None:
        """Keep a revocation; one that reaches less far than what is kept changes nothing."""
        self._reach()
        token_id = revocation.token_id
        subject = ("user", revocation.user_id) if token_id is None else ("token", token_id)
        with self._lock:
            kept = self._kept.get(subject)
            if kept is None or kept.before <= revocation.before:
                self._kept[subject] = revocation

    def is_revoked(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether a token may not be used any more."""
        self._reach()
        with self._lock:
            return any(one.covers(user_id, token_id, issued_at) for one in self._kept.values())

    def recent(self, since: int) -> list[Revocation]:
        """What was said since a moment, it included, in order."""
        self._reach()
        with self._lock:
            found = [one for one in self._kept.values() if one.revoked_at >= since]
        return sorted(found, key=lambda one: one.revoked_at)


class MemorySecrets(InMemoryAdapter):
    """`Secrets` in memory: `keys` is what the next call returns, newest first."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def signing_keys(self, now: float) -> Sequence[str]:  # noqa: ARG002 - the port's clock; nothing ages here
        """The secrets that may have signed a token, newest first."""
        self._reach()
        return self.keys
