"""The issuer's public keys, from the key set at its URL (RFC 7517), kept for an hour."""

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
"""The most that a fetch may take: a handshake waits for it."""
CONNECT_SECONDS = 1.0
SET_BYTES_MAX = 256 * 1024

MAX_AGE_SECONDS = 60 * 60
RETRY_SECONDS = 60
"""How long after a fetch nothing makes us fetch again, be it a `kid` that nobody knows or a fault."""
EMPTY_RETRY_SECONDS = 5
"""The same while there are no keys at all, so that nobody can connect."""
STALE_SECONDS_MAX = 24 * 60 * 60
"""How old the keys may grow where the issuer cannot be reached; after that no token of it is accepted."""


class JwksKeys:
    """`IssuerKeys` by a JWKS URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: tuple[JwksKey, ...] = ()
        self._fetched_at = 0.0
        self._quiet_until = 0.0

    def public_keys(self, key_id: str | None, algorithm: str, now: float) -> Sequence[JwksKey]:
        """The keys that may have signed a token of this `kid` (any, where it has none) and algorithm.

        One fetch an hour. A `kid` that is not among the keys asks for another, at most once a minute, so that
        an issuer may rotate at any moment, and inventing ids gains nothing. Where a fetch fails, the keys of
        before serve for up to a day; without any, raises StoreUnavailable.
        """
        with self._lock:
            if not self._keys or now - self._fetched_at >= MAX_AGE_SECONDS:
                self._refresh(now)
            found = self._matching(key_id, algorithm)
            if not found and key_id is not None:
                self._refresh(now)
                found = self._matching(key_id, algorithm)
            return found

    def _matching(self, key_id: str | None, algorithm: str) -> list[JwksKey]:
        return [
            key
            for key in self._keys
            if key.algorithm == algorithm and (key_id is None or key.key_id == key_id)
        ]

    def _refresh(self, now: float) -> None:
        if now < self._quiet_until:
            if not self._keys:
                raise StoreUnavailable(f"the key set at {self._url} could not be fetched a moment ago")
            return
        try:
            self._keys = _fetch(self._url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            age = now - self._fetched_at
            if age > STALE_SECONDS_MAX:
                self._keys = ()
            self._quiet_until = now + (RETRY_SECONDS if self._keys else EMPTY_RETRY_SECONDS)
            reason = str(error) or type(error).__name__
            if not self._keys:
                raise StoreUnavailable(
                    f"the key set at {self._url} could not be fetched: {reason}"
                ) from error
            log.warning("issuer_keys_stale", reason=reason, ageSeconds=round(age))
        else:
            self._fetched_at, self._quiet_until = now, now + RETRY_SECONDS


def _fetch(url: str) -> tuple[JwksKey, ...]:
    """Fetch and read a key set, following no redirect. Raises OSError, HTTPException or ValueError."""
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
        line = connection.sock
        line.settimeout(FETCH_SECONDS - CONNECT_SECONDS)
        # A socket's timeout is for each read; what ends an answer that only drips is to cut the line.
        deadline = threading.Timer(FETCH_SECONDS - CONNECT_SECONDS, _cut, (line,))
        deadline.daemon = True
        deadline.start()
        try:
            path = parts.path or "/"
            connection.request(
                "GET",
                f"{path}?{parts.query}" if parts.query else path,
                headers={"Accept": "application/json"},
            )
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise ValueError(f"it is answered by {answer.status}")
            body = answer.read(SET_BYTES_MAX + 1)
        finally:
            deadline.cancel()
    finally:
        connection.close()
    if len(body) > SET_BYTES_MAX:
        raise ValueError(f"it is larger than {SET_BYTES_MAX} bytes")
    return parse_key_set(body)


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        line.shutdown(socket.SHUT_RDWR)
