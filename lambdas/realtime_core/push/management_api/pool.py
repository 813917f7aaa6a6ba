"""The connections to one endpoint: opened as they are needed, kept open from job to job."""

from __future__ import annotations

import math
import selectors
import socket
import ssl
import time
from collections import deque

from realtime_core.aws import backoff
from realtime_core.aws.endpoint import Endpoint, not_verified, tls_context
from realtime_core.push.management_api.connection import FAULTS, Address, Connection

CONNECTIONS_MAX = 400
OPENING_MAX = 16
"""Handshakes at once: more of them only wait for each other, and the first make the rest cheaper."""
IDLE_SECONDS_MAX = 20.0
"""How long an unused connection is trusted. A request on one that has died unnoticed costs an attempt."""


def size_for(posts: int) -> int:
    """How many connections so many posts are worth.

    Opening one costs about as much as 25 posts, and each more shortens the wait for the rest: the least sum
    lies near the square root.
    """
    return max(1, min(CONNECTIONS_MAX, posts, math.ceil(3.5 * math.sqrt(posts))))


class Pool:
    """Connections to one endpoint. `idle` are open and free; the last used is used first."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float) -> None:
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._session: ssl.SSLSession | None = None
        self._eldest: Connection | None = None
        self._selector = selectors.DefaultSelector()
        self._all: set[Connection] = set()
        self._opening = 0
        self._addresses: deque[Address] = deque()
        self._limit = 0
        self._lately: deque[tuple[float, int]] = deque()
        self._failures_in_a_row = 0
        self.idle: list[Connection] = []
        self.failures = 0
        self.last_failure = ""
        self.not_before = 0.0
        """Until then (monotonic) nothing is opened, since the last time failed."""

    def begin(self, posts: int, now: float) -> None:
        """A job of so many posts begins; if it opens connections, to addresses looked up anew.

        Connections stay for the next job, so their number is what all posts of late are worth: a large
        audience comes in chunks, one after the other.
        """
        while self._lately and now - self._lately[0][0] > IDLE_SECONDS_MAX:
            self._lately.popleft()
        self._lately.append((now, posts))
        self._limit = size_for(sum(count for _, count in self._lately))
        self._addresses.clear()
        self._session = None
        self.failures = self._failures_in_a_row = 0
        self.not_before = now
        for connection in [one for one in self.idle if now - one.since > IDLE_SECONDS_MAX]:
            self.drop(connection)
        for connection, _ in self.wait(0):
            self.unexpected(connection)

    def end(self) -> None:
        """A job ends: connections that are not idle are closed."""
        for connection in self._all.difference(self.idle):
            self.drop(connection)

    def close(self) -> None:
        """Close everything."""
        for connection in list(self._all):
            self.drop(connection)
        self._selector.close()

    def open_ahead(self, deadline: float) -> None:
        """Open one connection for the next job. Raises OSError if it is not open by the deadline."""
        now = time.monotonic()
        self.begin(1, now)
        try:
            self.open_for(1, now)
            while self._opening and now < deadline:
                for connection, _ in self.wait(deadline - now):
                    if self.go_on_opening(connection, time.monotonic()):
                        self.release(connection, time.monotonic())
                now = time.monotonic()
        finally:
            self.end()
        if not self.idle:
            raise OSError(self.last_failure or "connecting took too long")

    @property
    def may_grow(self) -> bool:
        """Whether another connection would be within the limits."""
        return len(self._all) < self._limit and self._opening < OPENING_MAX

    def open_for(self, waiting: int, now: float) -> None:
        """Begin to open connections for so many posts that wait for one, within the limits."""
        while (
            self._opening < min(waiting, OPENING_MAX)
            and len(self._all) < self._limit
            and now >= self.not_before
        ):
            address = None
            try:
                address = self._next_address()
                connection = self._begin_to_open(address)
            except OSError as error:
                self._failed(address, error, now)
                continue
            connection.deadline = now + self._connect_timeout
            self._opening += 1
            self._all.add(connection)
            self._selector.register(connection.socket, connection.interest, connection)

    def go_on_opening(self, connection: Connection, now: float) -> bool:
        """Go on opening one, once there was an event; whether it is open now."""
        interest = connection.interest
        try:
            done = connection.go_on_opening()
        except OSError as error:
            self.drop(connection)
            self._failed(connection.address, error, now)
            return False
        if connection.interest != interest or done:
            self.watch(connection)
        if done:
            self._opening -= 1
            self._failures_in_a_row = 0
            connection.deadline = math.inf
            self._eldest = self._eldest or connection
        return done

    def watch(self, connection: Connection) -> None:
        """Wait for what the connection is interested in from now on."""
        self._selector.modify(connection.socket, connection.interest, connection)

    def wait(self, seconds: float) -> list[tuple[Connection, int]]:
        """Connections that something happened to, as (connection, events)."""
        return [(key.data, events) for key, events in self._selector.select(seconds)]

    def unexpected(self, connection: Connection) -> None:
        """Something came on an idle connection: a session ticket of TLS is harmless, all else is its end."""
        try:
            if connection.receive() is None:
                return
        except FAULTS:
            pass
        self.drop(connection)

    def overdue(self, now: float) -> list[Connection]:
        """Busy connections whose deadline has passed; those that were still opening are dropped."""
        late = [one for one in self._all if one.deadline <= now]
        for connection in late:
            if not connection.is_open:
                self.drop(connection)
                self._failed(connection.address, TimeoutError("connecting took too long"), now)
        return [one for one in late if one.is_open]

    def release(self, connection: Connection, now: float) -> None:
        """Keep an open connection for the next post."""
        connection.deadline = math.inf
        connection.since = now
        self.idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection and forget it."""
        self._all.discard(connection)
        if connection is self._eldest:
            self._eldest = None
        if connection in self.idle:
            self.idle.remove(connection)
        if not connection.is_open:
            self._opening -= 1
        self._selector.unregister(connection.socket)
        connection.close()

    def _next_address(self) -> Address:
        """All addresses of the preferred family in turn; those of the other are there for when it fails."""
        if not self._addresses:
            endpoint = self._endpoint
            found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
            self._addresses.extend(found)
        address = self._addresses[0]
        peers = [one for one in self._addresses if one[0] == address[0]]
        if len(peers) > 1:
            self._addresses.remove(address)
            self._addresses.insert(len(peers) - 1, address)
        return address

    def _begin_to_open(self, address: Address) -> Connection:
        if self._eldest is not None and self._session is None:
            # One whole handshake costs as much as thirty posts, one that resumes a session a third of that.
            self._session = self._eldest.session
        context = tls_context(self._endpoint.host) if self._endpoint.tls else None
        return Connection(address, context, self._endpoint.host, self._session)

    def _failed(self, address: Address | None, error: OSError, now: float) -> None:
        if address is not None and address in self._addresses and len(self._addresses) > 1:
            self._addresses.remove(address)
        if isinstance(error, ssl.SSLCertVerificationError):
            not_verified()
        self.failures += 1
        self.last_failure = f"{type(error).__name__}: {error}"
        self.not_before = now + backoff.delay(self._failures_in_a_row)
        self._failures_in_a_row += 1
