"""How many connections a user may have.

Uses nothing but ports, so that another function may take the count over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from authorizer.room import Room
    from realtime_core.connections.base import ConnectionCounts


class ConnectionLimit:
    """Admits a user's connections up to a maximum.

    `room` builds what finds room when the maximum is reached: few handshakes need it, so it is built then.
    """

    def __init__(self, counts: ConnectionCounts, maximum: int, room: Callable[[], Room]) -> None:
        self._counts = counts
        self._maximum = maximum
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
