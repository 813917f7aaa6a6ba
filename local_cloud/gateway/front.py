"""The one port: WebSocket handshakes and `@connections` are served here, all else goes to the emulator."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping

from aiohttp import ClientError, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from local_cloud.gateway import management
from local_cloud.gateway.control import PREFIX, Control
from local_cloud.gateway.faults import Fault, Faults, failure, name_call
from local_cloud.gateway.gateway import Gateway
from local_cloud.gateway.management import Target
from local_cloud.gateway.socket import VERSION, is_key

logger = logging.getLogger(__name__)

_BY_PATH = re.compile(r"^/_aws/execute-api/(?P<api>[^/]+)/(?P<stage>[^/]+)(?P<rest>/.*)?$")
_BY_HOST = re.compile(r"^(?P<api>[a-z0-9]+)\.execute-api\.")
# Of one connection only (RFC 9110, 7.6.1), and what this hop has answered itself.
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
# Larger bodies are passed on as they arrive.
_MAX_BUFFERED_BODY = 256 * 1024
# What aiohttp would add, and the client did not send (a signature may cover its absence).
_ADDED_BY_CLIENT = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


def refuse_upgrade(request: web.BaseRequest) -> web.Response | None:
    """The answer to what asks for a WebSocket, but not as RFC 6455, 4.2.1, has it; else None."""
    if request.headers.get("Sec-WebSocket-Version", "") != VERSION:
        return web.json_response(
            {"message": "Upgrade Required"}, status=426, headers={"Sec-WebSocket-Version": VERSION}
        )
    if request.method != hdrs.METH_GET or not is_key(request.headers.get("Sec-WebSocket-Key", "")):
        return web.json_response({"message": "Bad Request"}, status=400)
    return None


def find_target(host: str, path: str) -> Target | None:
    """Read `/_aws/execute-api/API/STAGE…`, or `/STAGE…` on a host `API.execute-api.…`."""
    found = _BY_PATH.match(path)
    if found:
        return Target(found["api"], found["stage"], found["rest"] or "")
    by_host = _BY_HOST.match(host)
    if by_host is None:
        return None
    stage, slash, rest = path.lstrip("/").partition("/")
    return Target(by_host["api"], stage, slash + rest)


class Front:
    """Handler of every request that arrives on the port."""

    def __init__(self, gateway: Gateway, faults: Faults, control: Control) -> None:
        self._gateway, self._faults, self._control = gateway, faults, control
        self._backend = gateway.backend

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one request."""
        path = request.path
        if path.startswith(PREFIX):
            return await self._control.serve(request)
        target = find_target(request.headers.get(hdrs.HOST, ""), path)
        if target and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            if (refusal := refuse_upgrade(request)) is not None:
                return refusal
            # A WebSocket API has no paths below its stage.
            stage = target.stage if target.rest in {"", "/"} else target.stage + target.rest
            return await self._gateway.connect(request, target.api_id, stage)
        self._gateway.telemetry.touch()
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        body = await self._small_body(request)
        fault = await self._fault(request, path, body or b"") if self._faults else None
        if isinstance(fault, web.Response):
            return fault
        if target and target.rest.startswith("/@connections/"):
            response = await self._manage(request, target, body)
        else:
            response = await self._pass_on(request, body, lost=fault is not None)
        if request.method not in {"GET", "HEAD"} and path.startswith("/v2/apis"):
            self._gateway.apis.forget()
        return _cut(request) if fault else response

    async def _small_body(self, request: web.BaseRequest) -> bytes | None:
        """The whole body when it is short, else None: it is then passed on unread."""
        if not request.body_exists:
            return b""
        length = request.content_length
        return await request.read() if length is not None and length <= _MAX_BUFFERED_BODY else None

    async def _fault(self, request: web.BaseRequest, path: str, body: bytes) -> web.Response | Fault | None:
        """The answer if a fault fails this call; the fault if the answer is to be lost; else None."""
        service, operation = name_call(request.method, path, request.headers, body)
        fault = self._faults.find(service, operation)
        if fault is None:
            return None
        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.cut:
            return _cut(request) if fault.cut == "before" else fault
        if fault.status is None:
            return None
        content_type, text = failure(fault, request.headers, service)
        return web.Response(
            status=fault.status,
            text=text,
            content_type=content_type,
            headers={"x-amzn-ErrorType": fault.error, "x-amzn-RequestId": "fault"},
        )

    async def _manage(
        self, request: web.BaseRequest, target: Target, body: bytes | None
    ) -> web.StreamResponse:
        """Let the emulator judge signature and policy, then deliver.

        It knows no connection, so 410 is its way of saying that the call is allowed.
        """
        try:
            data = await request.read() if body is None else body
        except web.HTTPRequestEntityTooLarge:  # more than the server ever reads into memory
            return management.too_large()
        verdict = await self._backend.http.request(
            request.method,
            self._upstream(request),
            data=data or None,
            headers=_end_to_end(request.headers),
            skip_auto_headers=_ADDED_BY_CLIENT,
        )
        answer = await verdict.read()
        if verdict.status != 410:
            return web.Response(status=verdict.status, body=answer, headers=_end_to_end(verdict.headers))
        return await management.serve(self._gateway, request.method, target, data)

    def _upstream(self, request: web.BaseRequest) -> URL:
        return URL(self._backend.url + request.raw_path, encoded=True)

    async def _pass_on(
        self, request: web.BaseRequest, body: bytes | None, *, lost: bool
    ) -> web.StreamResponse:
        try:
            upstream = await self._backend.http.request(
                request.method,
                self._upstream(request),
                data=request.content if body is None else body or None,
                headers=_end_to_end(request.headers),
                skip_auto_headers=_ADDED_BY_CLIENT,
                allow_redirects=False,
            )
        except (ClientError, OSError) as error:
            logger.warning("%s %s: the emulator did not answer: %s", request.method, request.path, error)
            return management.error(503, "ServiceUnavailable", f"The emulator did not answer: {error}")
        async with upstream:
            if lost:
                return web.Response(body=await upstream.read())
            response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
            response.headers.extend(_end_to_end(upstream.headers))
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
        return response


def _cut(request: web.BaseRequest) -> web.Response:
    """Drop the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP)
