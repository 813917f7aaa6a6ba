"""Connections to one HTTPS URL that stay open between requests, through the environment's proxy if any."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from deals_publisher.errors import InvalidArgument

TIMEOUT_SECONDS = 35.0
"""Outside limit: API Gateway answers within 30."""
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
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or is_local) or not parts.hostname:
            raise InvalidArgument("url", f"must be the https:// URL of the publish API, not {url!r:.100}")
        if parts.username is not None or parts.query or parts.fragment:
            raise InvalidArgument("url", "must have no credentials, query or fragment: URLs are logged")
        self.url = url
        self.host = parts.hostname
        self._port, self._scheme, self._path = parts.port, parts.scheme, parts.path or "/"
        self._idle: deque[HTTPConnection] = deque()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send a request and return its response. Raises OSError where there is none."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            connection.request("POST", self._path, body, dict(headers))
            answer = connection.getresponse()
            given = {name.lower(): value for name, value in answer.getheaders()}
            response = Response(answer.status, given, answer.read())
        except HTTPException as error:
            connection.close()
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response

    def _open(self) -> HTTPConnection:
        kind = HTTPSConnection if self._scheme == "https" else HTTPConnection
        proxy = None if proxy_bypass(self.host) else getproxies().get(self._scheme)
        if proxy is None or self.host in _LOOPBACK:
            return kind(self.host, self._port, timeout=TIMEOUT_SECONDS)

        via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = kind(via.hostname or "", via.port or 8080, timeout=TIMEOUT_SECONDS)
        login = {}
        if via.username is not None:
            pair = f"{unquote(via.username)}:{unquote(via.password or '')}"
            login["Proxy-Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        connection.set_tunnel(self.host, self._port, login)
        return connection
