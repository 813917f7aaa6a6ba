"""What the server says of the connection, and when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from deals_client.clock import Clock, Timer
from deals_client.json_values import as_list
from deals_client.values import ServerInfo, Status
from deals_client.wire import StatusUpdate

FIRST_SECONDS = (60.0, 30.0)
"""After an open the second question comes within 60 to 90 s: a record that was lost at once is noticed."""
LATER_SECONDS = 1800.0
SPREAD = 0.2


class Checkup:
    """Asks for the status of a connection: at once, after a minute, and then each half an hour.

    A ping would not tell: it touches no store, so it is answered also where the service has lost the record.
    """

    def __init__(
        self,
        clock: Clock,
        random: Callable[[], float],
        ask: Callable[[], Coroutine[Any, Any, None]],
        start: Callable[[Coroutine[Any, Any, None]], Any],
    ) -> None:
        self._clock, self._random, self._ask, self._start = clock, random, ask, start
        self._timer: Timer | None = None
        self.rounds: int = 0

    def now(self) -> None:
        """Ask now, and plan the next round."""
        self.rounds += 1
        self._start(self._ask())
        shortest, spread = FIRST_SECONDS
        if self.rounds == 1:
            wait = shortest + spread * self._random()
        else:
            wait = LATER_SECONDS * (1.0 - SPREAD + 2.0 * SPREAD * self._random())
        self._timer = self._clock.call_later(wait, self.now)

    def stop(self) -> None:
        """Clear the timer."""
        if self._timer is not None:
            self._timer.cancel()


def parse_status(data: StatusUpdate) -> Status:
    """Return the status that a `statusUpdate` tells; a first release says nothing of its server."""
    server = data.get("server")
    return Status(
        connection_id=data["connectionId"],
        user_id=data["userId"],
        connected_since=data["connectedSince"],
        token_expires_at=data["tokenExpiresAt"],
        subscriptions={one["topic"]: one.get("filters", {}) for one in data.get("subscriptions", ())},
        unread=data.get("unread"),
        system_status=data.get("systemStatus", "operational"),
        server=_parse_server(server if isinstance(server, Mapping) else {}),
    )


def _parse_server(server: Mapping[str, Any]) -> ServerInfo:
    return ServerInfo(
        frozenset(as_list(server.get("features"))),
        server.get("frameBytesMax"),
        server.get("heartbeatSeconds"),
    )
