"""URLs as this service is given them, and what goes into their paths.

The standard library's `urllib.parse` loads `ipaddress`, which is a tenth of the authorizer's cold start, and
takes much that is no URL to connect to.
"""

import re
from typing import NamedTuple

_URL = re.compile(
    r"(?P<scheme>(?i:https?))://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#\s]*)?(?:[?#]\S*)?"
)
_PORT_MAX = 65_535
# RFC 3986, 2.3: what is the same encoded and not.
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Url(NamedTuple):
    """An http or https URL, taken apart. Its query, if there is one, is not in it."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    port: int | None
    path: str


def parse_url(text: str) -> Url:
    """Take a URL apart. Raises ValueError for what is not http or https, has no host, or carries a user."""
    found = _URL.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else None
    if not found or port == 0 or (port or 1) > _PORT_MAX:
        raise ValueError(f"{text[:100]!r} is no http or https URL")
    return Url(found["scheme"].lower(), found["host"].strip("[]").lower(), port, found["path"] or "")


def percent_encoded(text: str, keep: bytes = b"") -> str:
    """Text as a part of a path (RFC 3986, 2.1): all but the unreserved characters and `keep` encoded."""
    return "".join(
        chr(byte) if byte in _UNRESERVED or byte in keep else f"%{byte:02X}" for byte in text.encode()
    )
