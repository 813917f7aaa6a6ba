"""The rules of the hand-over: which channel messages an invocation forwards. No I/O.

A message of a channel reaches only those who are subscribed when it is published, so no message may be missed
between two invocations, and none forwarded by both. An invocation takes the lease by one Lua script, which
also raises the fencing token and publishes a marker on `deals:@relay`, a channel that the pattern `deals:*`
covers and that cannot be a topic's.

Rules:

1. The successor reads the lease (L), subscribes (S), and runs the script (M), which does nothing if the lease
   has changed since L.
2. The holder forwards what its subscription carries before M, and nothing after it. The successor forwards
   what comes after M, and nothing before it.
3. If the lease was free at L and at M, the successor forwards from S on.
4. A holder forwards a message at once only while its own clock says that its lease is in force, counted from
   before it sent the last renewal. It holds back what comes later until a renewal succeeds or a marker
   decides.

Proof that each message is forwarded once: Redis executes one command after the other, and every
subscription carries this one order. The step that moves the lease publishes the marker, so M cuts the order
in two, for both sides at the same place: under rule 2 there is neither a gap nor a duplicate, however late
either side reads. Under rule 3, the lease had expired in Redis before L. The holder's clock ran out even
earlier, since it counts from an earlier moment (rule 4). So what it forwarded at once was executed before L,
and L comes before S. What it held back in doubt it drops when it sees M. Of two successors, the script lets
one through: the last token is no longer the one that the other has read. A holder whose subscription broke
subscribes again and takes the lease again under rule 3; if another invocation had it in between, the token
shows that.

Still lost is what nobody received: messages between the death of a holder and its successor (the lease of
15 s, and up to a minute until the schedule starts one), and while Redis is away.

`tests/unit/redis_relay/test_handover.py` explores these rules with a state machine;
`tests/contract/redis_relay` tests them on a real Redis under load.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

M = TypeVar("M")

HELD_BACK_MAX = 10_000
HELD_BACK_BYTES_MAX = 32 * 1024 * 1024
"""What is held back goes into the buffer of channels.py at once, which takes no more."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A message on the hand-over channel. A `beat` only shows that the subscription is alive."""

    kind: Literal["taken", "released", "beat"]
    holder: str
    follows: bool = False
    """Whether the previous holder still had the lease, and forwards everything before this marker."""


def parse_marker(raw: bytes) -> Marker | None:
    """The marker that was published; None for anything else, which the relay did not publish."""
    try:
        value = json.loads(raw)
        kind, holder = value["kind"], value["holder"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    # A tuple, not a set: what others publish need not be hashable.
    if kind not in ("taken", "released", "beat") or not isinstance(holder, str):
        return None
    return Marker(kind, holder, follows=bool(value.get("follows")))


class Handover(Generic[M]):
    """Decides, in the order of one subscription, which of its messages to forward.

    It waits for its own marker, is open until another holder's marker or its own release, and then closed.
    Each method returns the messages to forward now. While the lease is in doubt messages are held back: at
    most `count_max`, with `bytes_max` together.
    """

    def __init__(
        self, holder: str, *, count_max: int = HELD_BACK_MAX, bytes_max: int = HELD_BACK_BYTES_MAX
    ) -> None:
        self._holder = holder
        self._count_max, self._bytes_max, self._bytes = count_max, bytes_max, 0
        self._phase: Literal["waiting", "open", "closed"] = "waiting"
        self._held_back: list[M] = []

    @property
    def closed(self) -> bool:
        """Whether every further message belongs to somebody else."""
        return self._phase == "closed"

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes may be held back too."""
        return len(self._held_back) < self._count_max and self._bytes + size <= self._bytes_max

    def receive(self, message: M, *, in_force: bool, size: int = 0) -> list[M]:
        """Handle a message; `in_force` says whether our own lease is known to be in force at this moment."""
        if self._phase == "closed":
            return []
        self._held_back.append(message)
        self._bytes += size
        return self._forward() if self._phase == "open" and in_force else []

    def renewed(self) -> list[M]:
        """Handle a renewal: nobody else had the lease in between, so forward what was held back."""
        return self._forward() if self._phase == "open" else []

    def apply(self, marker: Marker) -> list[M]:
        """Handle a marker, which decides on the messages that were held back."""
        if self._phase == "closed" or marker.kind == "beat":
            return []
        if marker.holder == self._holder:
            return self._apply_own(marker)
        if marker.kind == "released":
            return []
        if self._phase == "open":
            self._phase = "closed"
            # A successor that takes a free lease forwards from its subscription on, which may include these.
            return self._forward() if marker.follows else self._drop()
        return self._drop()

    def end(self) -> list[M]:
        """Close after the subscription has ended; returns what was held back, still in doubt."""
        held_back = self._forward() if self._phase == "open" else []
        self._phase = "closed"
        return held_back

    def _apply_own(self, marker: Marker) -> list[M]:
        if marker.kind == "released":
            messages = self._forward() if self._phase == "open" else self._drop()
            self._phase = "closed"
            return messages
        waited, self._phase = self._phase == "waiting", "open"
        # What came before the marker belongs to the predecessor, if there was one.
        return self._drop() if waited and marker.follows else self._forward()

    def _forward(self) -> list[M]:
        messages, self._held_back, self._bytes = self._held_back, [], 0
        return messages

    def _drop(self) -> list[M]:
        self._held_back, self._bytes = [], 0
        return []
