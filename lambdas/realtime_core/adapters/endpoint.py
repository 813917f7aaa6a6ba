"""Where a service is reached."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import NamedTuple

from realtime_core.urls import parse_url


class Endpoint(NamedTuple):
    """A service's address, from its URL."""

    tls: bool
    host: str
    port: int
    authority: str
    """The Host header: with the port where it is not the scheme's own."""
    path: str
    """What the URL has behind that, without a slash at its end."""

    @staticmethod
    def of(url: str) -> Endpoint:
        """Read an endpoint's URL. Raises ValueError where it is not http or https, or has no host."""
        parts = parse_url(url)
        tls = parts.scheme == "https"
        usual = 443 if tls else 80
        port = parts.port or usual
        host = f"[{parts.host}]" if ":" in parts.host else parts.host
        authority = host if port == usual else f"{host}:{port}"
        return Endpoint(tls, parts.host, port, authority, parts.path.rstrip("/"))


def tls_context() -> ssl.SSLContext:
    """How the other side of TLS is verified: by the system's authorities, or those of AWS_CA_BUNDLE."""
    return _context(os.environ.get("AWS_CA_BUNDLE") or None)


@cache
def _context(authorities: str | None) -> ssl.SSLContext:
    # Some 20 ms for a few hundred authorities: made for the first connection, and shared by all.
    return ssl.create_default_context(cafile=authorities)
