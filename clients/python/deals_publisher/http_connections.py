"""Connections to one HTTPS URL that stay open between requests, through the environment's proxy if any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from deals_publisher.errors import InvalidArgument

if TYPE_CHECKING:
    from urllib3 import PoolManager

TIMEOUT_SECONDS = 35.0
"""Outside limit: API Gateway answers within 30."""
IDLE_MAX = 32
"""Connections that are kept open, one for each thread that publishes."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Response(NamedTuple):
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after_seconds(self, maximum: float) -> float:
        """How long the server asks to wait, at most `maximum`; 0 where it does not, or names a date."""
        try:
            return min(maximum, max(0.0, float(self.headers.get("retry-after", "0"))))
        except ValueError:
            return 0.0


class Connections:
    """Sends POST requests to a URL. Can be shared between threads."""

    def __init__(self, url: str) -> None:
        parts = _split(url)
        is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or is_local) or not parts.hostname:
            raise InvalidArgument("url", f"must be the https:// URL of the publish API, not {url!r:.100}")
        if parts.username is not None or parts.query or parts.fragment:
            raise InvalidArgument("url", "must have no credentials, query or fragment: URLs are logged")
        self.url = url
        self.host: str = parts.hostname
        self._pool = _create_pool(parts)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send a request and return its response. Raises OSError where there is none."""
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - an extra, as below

        try:
            # Another server than the one whose URL was given gets neither events nor token.
            answer = self._pool.request("POST", self.url, body=body, headers=headers, redirect=False)
        except HTTPError as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        return Response(answer.status, answer.headers, answer.data)


def _split(url: object) -> SplitResult:
    """Return the parts of a URL, empty ones of what is no text. Raises InvalidArgument."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        _ = parts.hostname, parts.port  # which are read only now, and may be no host and no port
    except ValueError:
        # Its text quotes what stands for the port, which may be a part of a password.
        raise InvalidArgument("url", "has no host or port that can be read") from None
    return parts


def _create_pool(url: SplitResult) -> PoolManager:
    try:
        from urllib3 import PoolManager, ProxyManager, make_headers  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(
            "deals_publisher needs urllib3 to publish over HTTP: pip install 'deals-client[http]'"
        ) from error

    # Repeats are HttpApi's, which knows what may be sent again, and when.
    options: dict[str, Any] = {"maxsize": IDLE_MAX, "timeout": TIMEOUT_SECONDS, "retries": False}
    host = url.hostname or ""
    proxy = None if host in _LOOPBACK or proxy_bypass(host) else getproxies().get(url.scheme)
    if proxy is None:
        return PoolManager(**options)

    via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    login = {}
    if via.username is not None:
        pair = f"{unquote(via.username)}:{unquote(via.password or '')}"
        login = make_headers(proxy_basic_auth=pair)
    address = via._replace(netloc=via.netloc.rpartition("@")[2]).geturl()
    return ProxyManager(address, proxy_headers=login, **options)
