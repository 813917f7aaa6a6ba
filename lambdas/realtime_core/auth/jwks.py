"""The issuer's public keys, from the key set at its URL (RFC 7517), cached for an hour."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from realtime_core.auth.public_keys import JwksKey, parse_key_set
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

FETCH_SECONDS = 3.0
"""The longest that a fetch may take: a handshake waits for it."""
CONNECT_SECONDS = 1.0
USER_AGENT = "deals-websocket-service"
KEY_SET_BYTES_MAX = 256 * 1024

MAX_AGE_SECONDS = 60 * 60
RETRY_SECONDS = 60
"""The shortest time between two fetches, whether for an unknown `kid` or after a failure."""
EMPTY_RETRY_SECONDS = 5
"""The same while there are no keys at all: until then nobody can connect."""
STALE_SECONDS_MAX = 24 * 60 * 60
"""How long cached keys stay valid while the issuer cannot be reached; then its tokens are rejected."""


class JwksKeys:
    """`IssuerKeys` from a JWKS URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: tuple[JwksKey, ...] = ()
        self._fetched_at = 0.0
        self._next_fetch_at = 0.0

    def public_keys(self, key_id: str | None, algorithm: str, now: float) -> Sequence[JwksKey]:
        """The keys of this algorithm that may verify a token: those with its `kid`, or all if it has none.

        Fetches the key set once an hour. An unknown `kid` causes another fetch, at most once a minute: the
        issuer may rotate its keys at any time, and invented ids cause no load. If a fetch fails, the cached
        keys stay in use for up to a day; raises StoreUnavailable if there are none.
        """
        with self._lock:
            if not self._keys or now - self._fetched_at >= MAX_AGE_SECONDS:
                self._refresh(now)
            keys = self._matching(key_id, algorithm)
            if not keys and key_id is not None:
                self._refresh(now)
                keys = self._matching(key_id, algorithm)
            return keys

    def _matching(self, key_id: str | None, algorithm: str) -> list[JwksKey]:
        return [
            key
            for key in self._keys
            if key.algorithm == algorithm and (key_id is None or key.key_id == key_id)
        ]

    def _refresh(self, now: float) -> None:
        if now < self._next_fetch_at:
            if not self._keys:
                raise StoreUnavailable(f"the key set at {self._url} could not be fetched a moment ago")
            return
        try:
            self._keys = _fetch(self._url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            age = now - self._fetched_at
            if age > STALE_SECONDS_MAX:
                self._keys = ()
            self._next_fetch_at = now + (RETRY_SECONDS if self._keys else EMPTY_RETRY_SECONDS)
            reason = str(error) or type(error).__name__
            if not self._keys:
                raise StoreUnavailable(
                    f"the key set at {self._url} could not be fetched: {reason}"
                ) from error
            log.warning("issuer_keys_stale", reason=reason, ageSeconds=round(age))
        else:
            self._fetched_at, self._next_fetch_at = now, now + RETRY_SECONDS


def _fetch(url: str) -> tuple[JwksKey, ...]:
    """Fetch and parse a key set; redirects are not followed. Raises OSError, HTTPException or ValueError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=CONNECT_SECONDS, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)
    )
    try:
        connection.connect()
        opened = connection.sock
        opened.settimeout(FETCH_SECONDS - CONNECT_SECONDS)

        # A socket timeout applies to each read; only a shutdown of the socket ends a response that trickles.
        deadline = threading.Timer(FETCH_SECONDS - CONNECT_SECONDS, _shut_down, (opened,))
        deadline.daemon = True
        deadline.start()
        try:
            path = parts.path or "/"
            connection.request(
                "GET",
                f"{path}?{parts.query}" if parts.query else path,
                # Some issuers' firewalls refuse a request that does not say what sends it.
                headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            )
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise ValueError(f"HTTP status {response.status}")
            body = response.read(KEY_SET_BYTES_MAX + 1)
        finally:
            deadline.cancel()
    finally:
        connection.close()

    if len(body) > KEY_SET_BYTES_MAX:
        raise ValueError(f"larger than {KEY_SET_BYTES_MAX} bytes")
    return parse_key_set(body)


def _shut_down(opened: socket.socket) -> None:
    with suppress(OSError):  # already closed
        opened.shutdown(socket.SHUT_RDWR)
