"""The reverse proxy on the one port: serves WebSockets, `@connections` and HTTP APIs, forwards all else."""

from __future__ import annotations

import asyncio
import re
import time

from aiohttp import ClientError, ClientResponse, hdrs, web

from local_cloud.gateway import forwarding, guard, management
from local_cloud.gateway.calls import build_error_response, identify_call
from local_cloud.gateway.control import PREFIX, ControlApi
from local_cloud.gateway.dynamodb_guard import Admission
from local_cloud.gateway.enforcement import Call, Enforcement, needs_body
from local_cloud.gateway.faults import Fault, Faults
from local_cloud.gateway.forwarding import MAX_BUFFERED_BODY, answer_headers
from local_cloud.gateway.gateway import Gateway
from local_cloud.gateway.http_apis import HttpApi
from local_cloud.gateway.http_gateway import HttpGateway
from local_cloud.gateway.kills import Kills
from local_cloud.gateway.management import StageAddress
from local_cloud.gateway.places import Callers
from local_cloud.gateway.rights_guard import RightsGuard
from local_cloud.gateway.static_files import StaticFiles, serves
from local_cloud.gateway.traffic import GATEWAY, PUBLISHERS
from local_cloud.gateway.watch import watch_call
from local_cloud.gateway.websocket import VERSION, is_key
from local_cloud.limits import apigateway, functions, signatures
from local_cloud.limits.settings import Refusal

_BY_PATH = re.compile(r"^/_aws/execute-api/(?P<api>[^/]+)/(?P<stage>[^/]+)(?P<rest>/.*)?$")
_BY_HOST = re.compile(r"^(?P<api>[a-z0-9]+)\.execute-api\.")


def refuse_upgrade(request: web.BaseRequest) -> web.Response | None:
    """Return the error for an upgrade request that breaks RFC 6455, 4.2.1; None for a correct one."""
    if request.headers.get("Sec-WebSocket-Version", "") != VERSION:
        return web.json_response(
            {"message": "Upgrade Required"}, status=426, headers={"Sec-WebSocket-Version": VERSION}
        )
    if request.method != hdrs.METH_GET or not is_key(request.headers.get("Sec-WebSocket-Key", "")):
        return web.json_response({"message": "Bad Request"}, status=400)
    return None


def parse_stage_address(host: str, path: str) -> StageAddress | None:
    """Parse `/_aws/execute-api/API/STAGE…`, or `/STAGE…` on a host `API.execute-api.…`; None for others."""
    by_path = _BY_PATH.match(path)
    if by_path:
        return StageAddress(by_path["api"], by_path["stage"], by_path["rest"] or "")
    by_host = _BY_HOST.match(host)
    if by_host is None:
        return None
    stage, slash, rest = path.lstrip("/").partition("/")
    return StageAddress(by_host["api"], stage, slash + rest)


class Proxy:
    """Handles every request on the port."""

    def __init__(
        self,
        gateway: Gateway,
        http: HttpGateway,
        faults: Faults,
        control: ControlApi,
        *,
        enforcement: Enforcement,
        rights: RightsGuard,
        console: StaticFiles,
        callers: Callers,
        kills: Kills,
        port: int,
    ) -> None:
        self._gateway, self._http = gateway, http
        self._faults, self._control, self._port = faults, control, port
        self._console, self._callers, self._kills = console, callers, kills
        self._backend = gateway.backend
        self._enforcement, self._rights = enforcement, rights

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one request."""
        if (refusal := guard.refuse_request(request, self._port)) is not None:
            return refusal
        if request.path.startswith(PREFIX):
            return await self._control.serve(request)
        if serves(request.path):
            return self._console.serve(request)
        return await self._handle_aws(request)

    async def _handle_aws(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve what AWS's endpoints serve: sockets, and calls of services."""
        path = request.path
        address = parse_stage_address(request.headers.get(hdrs.HOST, ""), path)
        if address and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            if (refusal := refuse_upgrade(request)) is not None:
                return refusal
            return await self._connect(request, address)
        return await self._call(request, address)

    async def _call(self, request: web.BaseRequest, address: StageAddress | None) -> web.StreamResponse:
        """Serve a request for an HTTP API, or a call of an AWS API."""
        self._gateway.telemetry.touch()
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0

        body = await self._read_body(request)
        call = Call(request, *identify_call(request.method, request.path, request.headers, body or b""), body)
        http_api = await self._find_http_api(address)
        if address and http_api:
            return await self._serve_http(call, http_api, address)
        verdict = await self._rights.judge(call)
        if verdict.refusal is not None:
            return build_error_response(verdict.refusal, request.headers, call.service)
        call = call._replace(allowed=verdict.allowed)
        async with self._enforcement.admit(call) as admission:
            if admission.refusal is not None:
                return build_error_response(admission.refusal, request.headers, call.service)
            return await self._watch(call, address, admission)

    async def _watch(
        self, call: Call, address: StageAddress | None, admission: Admission
    ) -> web.StreamResponse:
        """Serve a call and count it, unless it is the one in whose middle its function is to be killed."""
        source = self._callers.find(call.request.headers.get(hdrs.AUTHORIZATION, ""))
        with watch_call(self._backend.traffic, source, call) as watched:
            if self._kills.strike(source):
                return _cut(call.request)
            return watched.note(await self._serve(call, address, admission))

    async def _serve(
        self, call: Call, address: StageAddress | None, admission: Admission
    ) -> web.StreamResponse:
        """Serve a call that AWS accepts, unless a fault fails it."""
        request = call.request
        fault = await self._apply_fault(call) if self._faults else None
        if isinstance(fault, web.Response):
            return fault

        if address and address.rest.startswith("/@connections/"):
            response = await self._manage(call, address)
        else:
            response = await self._forward(call, admission, lost=fault is not None)
        if request.method not in {"GET", "HEAD"} and request.path.startswith("/v2/apis"):
            self._gateway.apis.forget()
            self._http.apis.forget()
        self._rights.note_done(call)
        return _cut(request) if fault else response

    async def _find_http_api(self, address: StageAddress | None) -> HttpApi | None:
        if address is None or address.rest.startswith("/@connections/"):
            return None
        return await self._http.apis.get(address.api_id)

    async def _serve_http(self, call: Call, api: HttpApi, address: StageAddress) -> web.StreamResponse:
        """Serve a request for an HTTP API, unless a fault fails it."""
        call = call._replace(service="execute-api", operation="Invoke")
        self._backend.traffic.count(PUBLISHERS, GATEWAY)
        fault = await self._apply_fault(call) if self._faults else None
        if isinstance(fault, web.Response):
            return fault
        signature = signatures.parse(call.request.headers.get(hdrs.AUTHORIZATION, ""))
        signed = signature is not None and self._enforcement.check_signature(call) is None
        response = await self._http.serve(call, api, address, signed=signed)
        return _cut(call.request) if fault else response

    async def _connect(self, request: web.BaseRequest, address: StageAddress) -> web.StreamResponse:
        """Open a WebSocket, unless its URL is too long."""
        target = f"/{address.stage}{address.rest}{'?' if request.query_string else ''}{request.query_string}"
        limits, region = self._backend.limits, self._backend.region
        if (refused := apigateway.check_url(address.api_id, region, target, limits)) is not None:
            return web.json_response({"message": refused.message}, status=refused.status)

        # A WebSocket API has no paths below its stage.
        stage = address.stage if address.rest in {"", "/"} else address.stage + address.rest
        return await self._gateway.connect(request, address.api_id, stage)

    async def _read_body(self, request: web.BaseRequest) -> bytes | None:
        """Return a body that is short or that a check needs; None for another one, which is streamed."""
        if not request.body_exists:
            return b""
        if needs_body(request):
            return await request.content.read()
        length = request.content_length
        return await request.read() if length is not None and length <= MAX_BUFFERED_BODY else None

    async def _apply_fault(self, call: Call) -> web.Response | Fault | None:
        """Return the error if a fault fails this call, the fault if the response shall be lost, else None."""
        request = call.request
        fault = self._faults.find(call.service, call.operation)
        if fault is None:
            return None

        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.cut:
            return _cut(request) if fault.cut == "before" else fault
        if fault.status is None:
            return None

        failure = Refusal(fault.error, "A fault that a test asked for", fault.status)
        return build_error_response(failure, request.headers, call.service)

    async def _manage(self, call: Call, address: StageAddress) -> web.StreamResponse:
        """Let the emulator check signature and policy, then serve the call.

        The emulator knows no connection, so its 410 means that the call is allowed.
        """
        request, started = call.request, time.monotonic()
        try:
            data = await request.read() if call.body is None else call.body
        except web.HTTPRequestEntityTooLarge:  # more than the server reads into memory
            return management.build_too_large()

        try:
            decision = await forwarding.send(self._backend, call, data)
            response = await forwarding.read(decision)
        except (ClientError, OSError) as error:
            return _build_unavailable(call, error, started)
        if decision.status != 410:
            headers = answer_headers(decision.headers)
            return web.Response(status=decision.status, body=response, headers=headers)
        return await management.serve(self._gateway, request.method, address, data)

    async def _forward(self, call: Call, admission: Admission, *, lost: bool) -> web.StreamResponse:
        """Hand a call on; its response passes whole, or as it comes if it is long and nothing reads it."""
        is_invoke = (call.service, call.operation) == ("lambda", "Invoke")
        is_read = lost or is_invoke or admission.finish is not None
        response, started = None, time.monotonic()
        try:
            async with await forwarding.send_as_allowed(self._backend, call) as upstream:
                headers = answer_headers(upstream.headers)
                if not is_read and not _is_short(upstream):
                    response = web.StreamResponse(
                        status=upstream.status, reason=upstream.reason, headers=headers
                    )
                    await _stream(call, upstream, response)
                    return response
                body = await forwarding.read(upstream)
        except (ClientError, OSError) as error:
            if call.request.transport is None:
                raise  # it is the client that has gone
            if response is None or not response.prepared:
                return _build_unavailable(call, error, started)
            forwarding.log_failure(call, error, started)
            return _cut(call.request)

        if is_invoke and (failed := functions.check_response(len(body), self._backend.limits)) is not None:
            headers["X-Amz-Function-Error"] = "Unhandled"
            body = failed
        elif admission.finish is not None and upstream.status == 200:
            body = admission.finish(body)
            headers.pop("x-amz-crc32", None)  # clients check it, and the body may be another
        headers["Content-Length"] = str(len(body))
        return web.Response(status=upstream.status, reason=upstream.reason, headers=headers, body=body)


def _is_short(upstream: ClientResponse) -> bool:
    return upstream.method != hdrs.METH_HEAD and 0 < (upstream.content_length or 0) <= MAX_BUFFERED_BODY


async def _stream(call: Call, upstream: ClientResponse, response: web.StreamResponse) -> None:
    await response.prepare(call.request)
    async for chunk in upstream.content.iter_any():
        await response.write(chunk)
    await response.write_eof()


def _cut(request: web.BaseRequest) -> web.Response:
    """Drop the connection; the returned response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _build_unavailable(call: Call, error: Exception, started: float) -> web.Response:
    """Return the error of a call that the emulator did not answer, and log why."""
    forwarding.log_failure(call, error, started)
    return management.build_error(503, "ServiceUnavailable", f"The emulator did not answer: {error}")
