"""Which messages of the channels are this invocation's to forward: the rules of the hand-over, without I/O.

Redis executes one thing after the other, and every subscriber sees the same order. Whoever takes the lease
publishes a marker in the same script, so the markers cut that order into stretches that have one owner each.
The proof that each message is forwarded once is in docs/adr/0017-the-relay-is-a-scheduled-loop.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Marker:
    """What the channel of the hand-over carries. `beat` says nothing but that the subscription lives."""

    kind: Literal["taken", "released", "beat"]
    holder: str
    follows: bool = False
    """Whether the lease was taken from one who still had it, and forwards all that came before."""


def read_marker(raw: bytes) -> Marker | None:
    """A marker as it was published; None for anything else, which somebody else must have put there."""
    try:
        value = json.loads(raw)
        kind, holder = value["kind"], value["holder"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    # A tuple: what somebody put there need not be hashable.
    if kind not in ("taken", "released", "beat") or not isinstance(holder, str):
        return None
    return Marker(kind, holder, follows=bool(value.get("follows")))


class Gate(Generic[M]):
    """Sorts the messages of one subscription, in their order.

    It waits for the own marker, is open until somebody else's (or the own release), and closed after that.
    `trusted`, where a message comes, says whether the own lease is known to be in force at this moment.
    """

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._phase: Literal["waiting", "open", "closed"] = "waiting"
        self._kept: list[M] = []

    @property
    def closed(self) -> bool:
        """Whether nothing that comes is ours any more."""
        return self._phase == "closed"

    def message(self, message: M, *, trusted: bool) -> list[M]:
        """What may be forwarded now that this message has come."""
        if self._phase == "closed":
            return []
        self._kept.append(message)
        return self._release() if self._phase == "open" and trusted else []

    def trust(self) -> list[M]:
        """The lease was renewed, so nobody had it meanwhile: what was kept in doubt may go."""
        return self._release() if self._phase == "open" else []

    def marker(self, marker: Marker) -> list[M]:
        """What a marker decides of the messages that were kept."""
        if self._phase == "closed" or marker.kind == "beat":
            return []
        if marker.holder == self._holder:
            return self._own(marker)
        if marker.kind == "released":
            return []
        if self._phase == "open":
            self._phase = "closed"
            # One who takes a free lease forwards from its subscription on, which may hold these too.
            return self._release() if marker.follows else self._drop()
        return self._drop()

    def leave(self) -> list[M]:
        """The subscription has ended: what was kept in doubt."""
        left = self._release() if self._phase == "open" else []
        self._phase = "closed"
        return left

    def _own(self, marker: Marker) -> list[M]:
        if marker.kind == "released":
            kept = self._release() if self._phase == "open" else self._drop()
            self._phase = "closed"
            return kept
        waited, self._phase = self._phase == "waiting", "open"
        # What came before the marker is the predecessor's, where there was one.
        return self._drop() if waited and marker.follows else self._release()

    def _release(self) -> list[M]:
        kept, self._kept = self._kept, []
        return kept

    def _drop(self) -> list[M]:
        self._kept = []
        return []
