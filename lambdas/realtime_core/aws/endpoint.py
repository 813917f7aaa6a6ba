"""Where a service is reached."""

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
    """The Host header: with the port where it is not the scheme's own."""
    path: str
    """What the URL has behind that, without a slash at its end."""

    @staticmethod
    def of(url: str) -> "Endpoint":
        """Read an endpoint's URL. Raises ValueError where it is not http or https, or has no host."""
        parts = parse_url(url)
        tls = parts.scheme == "https"
        usual = 443 if tls else 80
        port = parts.port or usual
        host = f"[{parts.host}]" if ":" in parts.host else parts.host
        authority = host if port == usual else f"{host}:{port}"
        return Endpoint(tls, parts.host, port, authority, parts.path.rstrip("/"))


def tls_context(host: str) -> ssl.SSLContext:
    """How the other side of TLS is verified.

    By the authorities of AWS_CA_BUNDLE. Where that is not set: a name of AWS by Amazon's own, others by those
    of the system.
    """
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        return _context(bundle)
    if host.endswith(".amazonaws.com") and not _amazon_is_not_enough.is_set():
        return _amazon_context()
    return _context(None)


def not_verified() -> None:
    """Say that a certificate could not be verified; from then on the system's authorities are asked.

    Amazon's do not do behind a proxy that looks into TLS, or in a Region of a kind of its own.
    """
    _amazon_is_not_enough.set()


_amazon_is_not_enough = threading.Event()


# Made for the first connection, and shared by all.
@cache
def _context(authorities: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


@cache
def _amazon_context() -> ssl.SSLContext:
    from realtime_core.aws.amazon_roots import AMAZON_ROOTS  # noqa: PLC0415 - nothing local needs it

    return ssl.create_default_context(cadata=AMAZON_ROOTS)
