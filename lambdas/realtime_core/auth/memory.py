"""In-memory adapters of the revocations table and of the signing secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from realtime_core.auth.base import Refusal, Revocation, RevocationPlace, refusal_by
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

    def lift_block(self, user_id: str) -> bool:
        """Lift the block of a user; False if there was none."""
        self._reach()
        with self._lock:
            return self._revocations.pop(f"b#{user_id}", None) is not None

    def blocks(self) -> Iterator[Revocation]:
        """The blocks in force, in the order of their times."""
        self._reach()
        with self._lock:
            blocks = [item for item in self._revocations.values() if item.blocks]
        yield from sorted(blocks, key=lambda item: item.place)

    def refusal(self, user_id: str, token_id: str | None, issued_at: int) -> Refusal | None:
        """Why a token with these claims is refused, or None if it is not."""
        self._reach()
        with self._lock:
            return refusal_by(
                item for item in self._revocations.values() if item.covers(user_id, token_id, issued_at)
            )

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
