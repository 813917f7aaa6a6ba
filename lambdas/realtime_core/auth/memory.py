"""In-memory adapters of the revocations table and of the signing secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from realtime_core.auth.base import Revocation, RevocationPlace
from realtime_core.in_memory import InMemoryAdapter


class MemoryRevocations(InMemoryAdapter):
    """`Revocations` in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revocations: dict[str, Revocation] = {}

    def revoke(self, revocation: Revocation) -> None:
        """Store a revocation; if a stored one already reaches further, that one stays."""
        self._reach()
        with self._lock:
            stored = self._revocations.get(revocation.subject)
            if stored is None or stored.before <= revocation.before:
                self._revocations[revocation.subject] = revocation

    def is_revoked(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether a token with these claims is revoked."""
        self._reach()
        with self._lock:
            return any(item.covers(user_id, token_id, issued_at) for item in self._revocations.values())

    def recent(
        self, since: int, until: int, after: RevocationPlace | None = None
    ) -> Iterator[list[Revocation]]:
        """The revocations made from `since` to `until`, in order, page by page."""
        self._reach()
        with self._lock:
            recent = [
                item
                for item in self._revocations.values()
                if since <= item.revoked_at <= until and (after is None or item.place > after)
            ]
        yield sorted(recent, key=lambda item: item.place)


class MemorySigningSecrets(InMemoryAdapter):
    """`SigningSecrets` in memory; `keys` are the current secrets, newest first."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def signing_keys(self, now: float) -> Sequence[str]:  # noqa: ARG002 - the port's parameter; nothing expires here
        """The current secrets, newest first."""
        self._reach()
        return self.keys
