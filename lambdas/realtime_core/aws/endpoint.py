"""The address of a service, and whom TLS trusts there."""

import os
import ssl
import threading
from functools import cache
from typing import NamedTuple

from realtime_core.urls import parse_url


class Endpoint(NamedTuple):
    """A service's address, from its URL."""

    tls: bool
    host: str
    port: int
    authority: str
    """The Host header: with the port where it is not the scheme's default."""
    path: str
    """The URL's path without a trailing slash."""

    @staticmethod
    def of(url: str) -> "Endpoint":
        """Parse an endpoint's URL. Raises ValueError where it is not http or https, or has no host."""
        parts = parse_url(url)
        tls = parts.scheme == "https"
        default_port = 443 if tls else 80
        port = parts.port or default_port
        host = f"[{parts.host}]" if ":" in parts.host else parts.host
        authority = host if port == default_port else f"{host}:{port}"
        return Endpoint(tls, parts.host, port, authority, parts.path.rstrip("/"))


def tls_context(host: str) -> ssl.SSLContext:
    """Return the TLS context that verifies `host`.

    It trusts the authorities in AWS_CA_BUNDLE. Where that is not set, it trusts Amazon's own for AWS names
    and the system's for all others.
    """
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        return _context(bundle)
    if host.endswith(".amazonaws.com") and not _system_authorities.is_set():
        return _amazon_context()
    return _context(None)


def use_system_authorities() -> None:
    """Verify AWS names by the system's authorities from now on, after a certificate could not be verified.

    Amazon's do not suffice behind a proxy that intercepts TLS, or in an isolated Region.
    """
    _system_authorities.set()


_system_authorities = threading.Event()


# Each context is created for the first connection that needs it, and shared by all.
@cache
def _context(authorities: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


@cache
def _amazon_context() -> ssl.SSLContext:
    from realtime_core.aws.amazon_roots import AMAZON_ROOTS  # noqa: PLC0415 - nothing local needs it

    return ssl.create_default_context(cadata=AMAZON_ROOTS)
