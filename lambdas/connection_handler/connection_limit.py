"""How many connections a user may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from connection_handler.room import Room
    from realtime_core.connections.base import ConnectionCounts


HAND_OVERS = 2
"""Connections beyond the maximum: before two hours are up, a client opens the next one, and then closes the
old one. Nothing tells a hand-over from another connection, so they are admitted as any other."""


class ConnectionLimit:
    """Admits a user's connections up to a maximum, and two more for hand-overs.

    `room` builds what finds room when the maximum is reached: few handshakes need it, so it is built then.
    """

    def __init__(self, counts: ConnectionCounts, maximum: int, room: Callable[[], Room]) -> None:
        self._counts = counts
        self._maximum = maximum + HAND_OVERS
        self._build_room = room
        self._room: Room | None = None

    def admits(self, user_id: str, now: int) -> bool:
        """Whether the user may have one more connection at `now` (epoch seconds).

        One query, unless the maximum is reached. The index that is counted lags by some milliseconds and does
        not have pending handshakes: a user who opens many connections at the same moment may exceed the
        maximum by a few.
        """
        if self._counts.count_of_user(user_id, now) < self._maximum:
            return True
        if self._room is None:
            self._room = self._build_room()
        return self._room.make(user_id, now, self._maximum)
