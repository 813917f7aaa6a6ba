"""Hands a client's request on to the emulator, once, and logs what became of the answer.

Clients repeat a call whose answer is lost, and a call that creates something then meets its own first try.
So an answer is never lost in silence, and never for the sake of a connection.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from aiohttp import ClientConnectorError, ClientError, ClientOSError, ServerDisconnectedError, hdrs
from multidict import CIMultiDict
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from local_cloud.gateway.backend import Backend
    from local_cloud.gateway.enforcement import Call

logger = logging.getLogger(__name__)

MAX_BUFFERED_BODY = 256 * 1024
"""Larger bodies are streamed, in both directions."""

# Headers of one connection only (RFC 9110, 7.6.1), and `expect`, which the proxy answers itself.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Headers that aiohttp would add although the client did not send them (a signature may cover their absence).
_ADDED_BY_CLIENT = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_REFUSED_BY = frozenset({400, 403})
# Services whose calls are many, and whose callers can tell a repeat: these share connections.
_FREQUENT = frozenset({"dynamodb", "execute-api", "logs", "monitoring", "sqs"})


class AnswerLost(ClientError):
    """The emulator may have done what it was asked for, but did not answer to the end."""


def end_to_end_headers(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers that pass a proxy."""
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP)


def answer_headers(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers of the emulator's answer that a client gets: none lets another site read it."""
    passed = end_to_end_headers(headers)
    return CIMultiDict((k, v) for k, v in passed.items() if not k.lower().startswith("access-control-"))


async def send(backend: Backend, call: Call, body: bytes | None = None) -> ClientResponse:
    """Send a call's request to the emulator and return its response, whose body is not read yet.

    `body` replaces the call's own. Nothing but a GET or HEAD is ever sent twice. Raises aiohttp's
    ClientError, and AnswerLost where the emulator may have received the request.
    """
    headers = end_to_end_headers(call.request.headers)
    return await _request(backend, call, call.body if body is None else body, headers)


async def send_as_allowed(backend: Backend, call: Call) -> ClientResponse:
    """Send a call, and once more by the account's root if the emulator's rules alone refuse it."""
    response = await send(backend, call)
    is_short = 0 < (response.content_length or 0) <= MAX_BUFFERED_BODY
    if not (call.allowed and call.body is not None and response.status in _REFUSED_BY and is_short):
        return response
    if b"AccessDenied" not in await read(response):
        return response
    request, headers = call.request, end_to_end_headers(call.request.headers)
    signed = backend.sign_as_root(call.service, request.method, request.raw_path, call.body, headers)
    return await _request(backend, call, call.body, signed)


async def _request(
    backend: Backend, call: Call, data: bytes | None, headers: Mapping[str, str]
) -> ClientResponse:
    request = call.request
    frequent = call.service in _FREQUENT or call.operation == "Invoke" or request.method in _READING
    session = backend.http if frequent else backend.http_unshared
    headers = CIMultiDict(headers)
    if data is not None and hdrs.CONTENT_LENGTH in headers:  # a fault may have changed it
        headers[hdrs.CONTENT_LENGTH] = str(len(data))
    return await session.request(
        request.method,
        URL(backend.url + request.raw_path, encoded=True),
        data=request.content if data is None else data or None,
        headers=headers,
        skip_auto_headers=_ADDED_BY_CLIENT,
        allow_redirects=False,
        middlewares=() if request.method in _READING else (_send_once,),
    )


async def read(upstream: ClientResponse) -> bytes:
    """Read a response's whole body. Raises AnswerLost when it is cut."""
    try:
        return await upstream.read()
    except (ClientError, OSError) as error:
        raise AnswerLost(f"the answer ended early: {error!r}") from error


def log_failure(call: Call, error: Exception, started: float) -> None:
    """Log why a call got no answer; `started` is a time of `time.monotonic`."""
    request = call.request
    name = f"{call.service} {call.operation} {request.method} {request.path}"
    took = f"after {time.monotonic() - started:.3f} s"
    if isinstance(error, AnswerLost):
        logger.error("%s: its answer was lost %s, so its client may repeat it: %s", name, took, error)
    else:
        logger.warning("%s: the emulator did not answer, %s: %r", name, took, error)


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from repeating a PUT or DELETE by itself when its connection was lost."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise  # no connection was made, so nothing was sent
    except (ClientOSError, ServerDisconnectedError) as error:
        raise AnswerLost(f"the connection ended without an answer: {error!r}") from error
