"""Remembers the last handshakes: a browser tells its page no status, so the page asks here why."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_cloud.gateway.events import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.gateway.events import Peer

KEPT = 20


@dataclass(slots=True)
class HandshakeRecord:
    """One handshake; `reason` is empty for one that was accepted, `user_id` is known only then."""

    at_ms: int
    status: int
    reason: str
    request_id: str
    connection_id: str
    user_id: str | None


class Handshakes:
    """The last KEPT handshakes, oldest first. Nothing of their headers and queries is kept."""

    def __init__(self) -> None:
        self._records: deque[HandshakeRecord] = deque(maxlen=KEPT)

    def add(self, peer: Peer, request_id: str, status: int, reason: str) -> None:
        """Remember a handshake that was answered with `status`, 101 if that is a success."""
        user_id = (peer.authorizer or {}).get("userId")
        status = 101 if 200 <= status < 300 else status
        self._records.append(
            HandshakeRecord(now_ms(), status, reason, request_id, peer.connection_id, user_id)
        )

    def __iter__(self) -> Iterator[HandshakeRecord]:
        return iter(list(self._records))
