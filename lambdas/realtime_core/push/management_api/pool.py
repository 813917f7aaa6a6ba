"""The connections to one endpoint: opened as they are needed, kept open from batch to batch."""

from __future__ import annotations

import math
import selectors
import socket
import ssl
import time
from collections import deque

from realtime_core.aws import backoff
from realtime_core.aws.endpoint import Endpoint, tls_context, use_system_authorities
from realtime_core.aws.idle_connections import was_idle_for_long
from realtime_core.push.management_api.connection import Address, Connection

CONNECTIONS_MAX = 400
OPENING_MAX = 16
"""Handshakes at once: more would only wait for each other, and the first make the rest cheaper."""
IDLE_SECONDS_MAX = 20.0
"""How long an idle connection is trusted. A post on one that died unnoticed has to be sent again."""


def size_for(posts: int) -> int:
    """Return how many connections so many posts are worth.

    Opening one costs as much as about 25 posts, and each shortens the wait of the others: the sum is least
    near the square root.
    """
    return max(1, min(CONNECTIONS_MAX, posts, math.ceil(3.5 * math.sqrt(posts))))


class Pool:
    """Connections to one endpoint. `idle` ones are open and free; the last used is used first."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float) -> None:
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._session: ssl.SSLSession | None = None
        self._session_source: Connection | None = None
        self._selector = selectors.DefaultSelector()
        self._all: set[Connection] = set()
        self._opening = 0
        self._addresses: deque[Address] = deque()
        self._limit = 0
        self._recent_posts: deque[tuple[float, int]] = deque()
        self._consecutive_failures = 0
        self.idle: list[Connection] = []
        self.failures = 0
        self.last_failure = ""
        self.not_before = 0.0
        """When (monotonic seconds) connections may be opened again after the last failure."""

    def begin(self, posts: int, now: float) -> None:
        """Begin a batch of so many posts. The connections that it opens go to freshly resolved addresses.

        Connections stay open for the next batch, so all recent posts determine their number: a large audience
        comes in chunks, one after the other.
        """
        while self._recent_posts and now - self._recent_posts[0][0] > IDLE_SECONDS_MAX:
            self._recent_posts.popleft()
        self._recent_posts.append((now, posts))
        self._limit = size_for(sum(count for _, count in self._recent_posts))

        self._addresses.clear()
        self._session = None
        self.failures = self._consecutive_failures = 0
        self.not_before = now

        for connection in list(self.idle):
            if was_idle_for_long(connection.idle_since, IDLE_SECONDS_MAX):
                self.drop(connection)
        for connection, _ in self.wait(0):
            self.check_idle(connection)

    def end(self) -> None:
        """End a batch: close the connections that are not idle."""
        for connection in self._all.difference(self.idle):
            self.drop(connection)

    def close(self) -> None:
        """Close all connections, and the pool."""
        for connection in list(self._all):
            self.drop(connection)
        self._selector.close()

    def open_ahead(self, deadline: float) -> None:
        """Open one connection for the next batch. Raises OSError if it is not open by the deadline."""
        now = time.monotonic()
        self.begin(1, now)
        try:
            self.open_for(1, now)
            while self._opening and now < deadline:
                for connection, _ in self.wait(deadline - now):
                    if self.continue_opening(connection, time.monotonic()):
                        self.release(connection)
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
        """Start opening connections, within the limits, for `waiting` posts that have none."""
        while (
            self._opening < min(waiting, OPENING_MAX)
            and len(self._all) < self._limit
            and now >= self.not_before
        ):
            address = None
            try:
                address = self._next_address()
                connection = self._start_opening(address)
            except OSError as error:
                self._record_failure(address, error, now)
                continue
            connection.deadline = now + self._connect_timeout
            self._opening += 1
            self._all.add(connection)
            self._selector.register(connection.socket, connection.interest, connection)

    def continue_opening(self, connection: Connection, now: float) -> bool:
        """Take the next step of opening a connection after an event. Returns whether it is open."""
        interest = connection.interest
        try:
            is_open = connection.continue_opening()
        except OSError as error:
            self.drop(connection)
            self._record_failure(connection.address, error, now)
            return False

        if connection.interest != interest or is_open:
            self.watch(connection)
        if is_open:
            self._opening -= 1
            self._consecutive_failures = 0
            connection.deadline = math.inf
            self._session_source = self._session_source or connection
        return is_open

    def watch(self, connection: Connection) -> None:
        """Wait for the events that the connection is interested in from now on."""
        self._selector.modify(connection.socket, connection.interest, connection)

    def wait(self, seconds: float) -> list[tuple[Connection, int]]:
        """Wait for events, for at most `seconds`. Returns (connection, events) pairs."""
        return [(key.data, events) for key, events in self._selector.select(seconds)]

    def check_idle(self, connection: Connection) -> None:
        """Handle an event on an idle connection: a TLS session ticket is harmless, anything else ends it."""
        if not connection.is_alive():
            self.drop(connection)

    def overdue(self, now: float) -> list[Connection]:
        """Return the busy connections whose deadline has passed, and drop those that were still opening."""
        late = [connection for connection in self._all if connection.deadline <= now]
        for connection in late:
            if not connection.is_open:
                self.drop(connection)
                self._record_failure(connection.address, TimeoutError("connecting took too long"), now)
        return [connection for connection in late if connection.is_open]

    def release(self, connection: Connection) -> None:
        """Keep an open connection for the next post."""
        connection.deadline = math.inf
        connection.idle_since = time.time()
        connection.may_be_stale = True
        self.idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection and forget it."""
        self._all.discard(connection)
        if connection is self._session_source:
            self._session_source = None
        if connection in self.idle:
            self.idle.remove(connection)
        if not connection.is_open:
            self._opening -= 1
        self._selector.unregister(connection.socket)
        connection.close()

    def _next_address(self) -> Address:
        """Return the preferred family's addresses in turn; the other's are used only when those fail."""
        if not self._addresses:
            endpoint = self._endpoint
            self._addresses.extend(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        address = self._addresses[0]
        peers = [peer for peer in self._addresses if peer[0] == address[0]]
        if len(peers) > 1:
            self._addresses.remove(address)
            self._addresses.insert(len(peers) - 1, address)
        return address

    def _start_opening(self, address: Address) -> Connection:
        if self._session_source is not None and self._session is None:
            # A full handshake costs as much as thirty posts, one that resumes a session a third of that.
            self._session = self._session_source.session
        context = tls_context(self._endpoint.host) if self._endpoint.tls else None
        return Connection(address, context, self._endpoint.host, self._session)

    def _record_failure(self, address: Address | None, error: OSError, now: float) -> None:
        if address is not None and address in self._addresses and len(self._addresses) > 1:
            self._addresses.remove(address)
        if isinstance(error, ssl.SSLCertVerificationError):
            use_system_authorities()
        self.failures += 1
        self.last_failure = f"{type(error).__name__}: {error}"
        self.not_before = now + backoff.delay(self._consecutive_failures)
        self._consecutive_failures += 1
