"""A stand-in for LocalStack: the URLs that its documentation gives for WebSocket APIs, before a local cloud.

It forwards everything to a cloud of this project, which serves the API by path, and knows nothing else of it.
"""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, WSMsgType, web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterator

HEALTH = {"services": {"apigateway": "available", "lambda": "available"}, "edition": "pro"}
_SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
_OWN = ("/_local_cloud/", "/_ministack/")
_HANDSHAKE = ("Authorization", "Sec-WebSocket-Protocol", "User-Agent")


class StandIn:
    """Serves one API of `target` in one style: `path`, `host`, or `port` (a port of the API's own)."""

    def __init__(self, target: str, api_id: str, stage: str, style: str) -> None:
        self._target, self._style = target, style
        self._path = f"/_aws/execute-api/{api_id}/{stage}"
        self._host, self._host_path = f"{api_id}.execute-api.localhost.localstack.cloud", f"/{stage}"
        self.endpoint = self.api_endpoint = ""

    async def serve(self, session: ClientSession, stopped: asyncio.Event, ready: threading.Event) -> None:
        """Listen until stopped; `ready` is set when `endpoint` and `api_endpoint` are known."""
        runner = web.ServerRunner(web.Server(lambda request: self._handle(request, session)))
        await runner.setup()
        for _ in range(2):
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        edge, own = (address[1] for address in runner.addresses)
        self.endpoint, self.api_endpoint = f"http://127.0.0.1:{edge}", f"ws://127.0.0.1:{own}"
        ready.set()
        await stopped.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest, session: ClientSession) -> web.StreamResponse:
        if request.path == "/_localstack/health":
            return web.json_response(HEALTH)
        if request.path.startswith(_OWN):
            return web.json_response({"error": "no such path"}, status=404)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay(request, session)
        return await self._forward(request, session)

    def _is_address(self, request: web.BaseRequest) -> bool:
        name, _, port = request.headers["Host"].partition(":")
        is_edge = self.endpoint.endswith(f":{port}")
        return {
            "path": is_edge and request.path == self._path,
            "host": is_edge and (name, request.path) == (self._host, self._host_path),
            "port": not is_edge and request.path == "/",
        }[self._style]

    async def _relay(self, request: web.BaseRequest, session: ClientSession) -> web.StreamResponse:
        if not self._is_address(request):
            return web.json_response({"message": "Not Found"}, status=404)
        headers = {name: request.headers[name] for name in _HANDSHAKE if name in request.headers}
        async with session.ws_connect(f"{self._target}{self._path}", headers=headers) as upstream:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await asyncio.wait(
                [
                    asyncio.ensure_future(_copy(socket, upstream)),
                    asyncio.ensure_future(_copy(upstream, socket)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
            await socket.close()
            return socket

    async def _forward(self, request: web.BaseRequest, session: ClientSession) -> web.Response:
        body = await request.read()
        headers = self._sign(request, body)
        url = URL(f"{self._target}{request.raw_path}", encoded=True)  # as it was signed
        async with session.request(request.method, url, headers=headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if not name.startswith("Transfer")}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    def _sign(self, request: web.BaseRequest, body: bytes) -> dict[str, str]:
        """Return the headers for the cloud behind, which checks signatures, as LocalStack does not."""
        kept = {
            name: value
            for name, value in request.headers.items()
            if name.lower() in {"content-type", "x-amz-target"} or name.lower().startswith("x-amz-invocation")
        }
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        if scope is None:
            return kept
        signed = AWSRequest(request.method, f"{self._target}{request.raw_path}", headers=kept, data=body)
        SigV4Auth(Credentials("test", "test"), scope["service"], scope["region"]).add_auth(signed)
        return dict(signed.headers)


async def _copy(source: Any, sink: Any) -> None:
    async for message in source:
        if message.type == WSMsgType.TEXT:
            await sink.send_str(message.data)


@contextmanager
def standing_in(target: str, api_id: str, stage: str, style: str) -> Iterator[StandIn]:
    """Run a stand-in before a cloud, on a thread of its own."""
    stand_in, ready = StandIn(target, api_id, stage, style), threading.Event()
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        async with ClientSession(auto_decompress=False) as session:
            await stand_in.serve(session, stopped, ready)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the stand-in does not start"
    try:
        yield stand_in
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
