"""Keeps web pages away from the port: another site's page may open sockets, and nothing else.

The port listens on the loopback address, which every page in a browser of this machine can reach. So a
request must name this machine as its host, or a page could reach the port under a name of its own (DNS
rebinding); it must not come from another origin, since browsers send simple requests anywhere without asking;
and a control call must have a header and a content type that no page can send without asking first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from local_cloud.gateway.static_files import serves
from local_cloud.settings import CONTROL_CONTENT_TYPE, CONTROL_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORT = re.compile(r":(\d{1,5})$")
# Names that resolve to this machine wherever they are looked up (RFC 6761, 6.3), and LocalStack's.
_LOOPBACK = re.compile(r"(?:.+\.)?localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]", re.IGNORECASE)
_LOCALSTACK = re.compile(r"(?:.+\.)?localhost\.localstack\.cloud", re.IGNORECASE)
# Signed requests that were built for AWS and sent here keep its host; nobody else answers for these names.
_AWS = re.compile(r".+\.amazonaws\.com(?:\.cn)?", re.IGNORECASE)
_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def refuse_request(request: web.BaseRequest, port: int) -> web.Response | None:
    """Return the 403 of a request that a page of another site may have sent; None for any other.

    `port` is the one that this cloud listens on.
    """
    headers = request.headers
    host = headers.get(hdrs.HOST, "")
    if not _is_own_host(host, port):
        return _refuse(f"Host {host!r} is not this machine: use http://127.0.0.1:{port}")

    is_socket = headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    origin = headers.get(hdrs.ORIGIN)
    if origin is not None and not _is_own_origin(origin, None if is_socket else port):
        return _refuse(f"Origin {origin!r}: pages of other origins may not call the local cloud")

    # Browsers leave out the origin of a GET that needs no permission, but not this header.
    is_foreign = headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
    if is_foreign and not is_socket and not _is_visit(request):
        return _refuse("Sec-Fetch-Site: pages of other origins may not call the local cloud")
    return None


def refuse_control_call(method: str, headers: Mapping[str, str]) -> web.Response | None:
    """Return the error of a control call that changes something and lacks what no foreign page can send."""
    if method in _READING:
        return None
    if CONTROL_HEADER not in headers:
        return _refuse(f"{CONTROL_HEADER}: missing; send this header with any value")
    content_type = headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if content_type != CONTROL_CONTENT_TYPE:
        return web.json_response(
            {"error": f"Content-Type: {content_type or 'missing'}; send {CONTROL_CONTENT_TYPE}"}, status=415
        )
    return None


def _is_visit(request: web.BaseRequest) -> bool:
    """Return whether a person followed a link to the console, as from a terminal that runs in a browser.

    Its page cannot be framed or read by the other, and holds no secret.
    """
    mode, dest = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return (mode, dest) == ("navigate", "document") and request.method in _READING and serves(request.path)


def _is_own_host(host: str, port: int) -> bool:
    """Return whether a `Host` is this machine with this port, or a cloud that this one stands for."""
    named = _PORT.search(host)
    name = host[: named.start()] if named else host
    if _LOOPBACK.fullmatch(name):
        return int(named[1]) == port if named else port == 80
    return bool(_LOCALSTACK.fullmatch(name) or _AWS.fullmatch(name))


def _is_own_origin(origin: str, port: int | None) -> bool:
    """Return whether an origin is a page of this machine, on this port unless that is None.

    A socket may come from a developer's own page on any port: it needs a token, as on AWS.
    """
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"}:
        return False
    try:
        own_port = port is None or parts.port == port or (parts.port is None and port == 80)
    except ValueError:  # no number
        return False
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return own_port and bool(_LOOPBACK.fullmatch(name))


def _refuse(error: str) -> web.Response:
    return web.json_response({"error": error}, status=403)
