"""Parsing of http and https URLs, and percent-encoding of path segments.

The standard library's `urllib.parse` loads `ipaddress`, which takes a tenth of the authorizer's cold start,
and accepts many texts that no client can connect to.
"""

import re
from typing import NamedTuple

_URL = re.compile(
    r"(?P<scheme>(?i:https?))://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#\s]*)?(?:[?#]\S*)?"
)
_PORT_MAX = 65_535
# RFC 3986, 2.3: characters that mean the same with and without encoding.
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Url(NamedTuple):
    """The parts of an http or https URL, without its query and fragment."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int | None
    path: str


def parse_url(text: str) -> Url:
    """Split an http or https URL into its parts. Raises ValueError for anything else, or if it has a user."""
    match = _URL.fullmatch(text)
    port = int(match["port"]) if match and match["port"] else None
    if not match or port == 0 or (port or 1) > _PORT_MAX:
        raise ValueError(f"{text[:100]!r} is not an http or https URL")
    return Url(match["scheme"].lower(), match["host"].strip("[]").lower(), port, match["path"] or "")


def percent_encode(text: str, keep: bytes = b"") -> str:
    """Percent-encode all but the unreserved characters and the bytes of `keep` (RFC 3986, 2.1)."""
    return "".join(
        chr(byte) if byte in _UNRESERVED or byte in keep else f"%{byte:02X}" for byte in text.encode()
    )
