"""The data plane of WebSocket APIs: handshakes, messages, disconnects and time limits.

Sources: docs.aws.amazon.com/apigateway/latest/developerguide/, pages apigateway-websocket-api-overview,
-route-keys-connect-disconnect, -route-response, websocket-api-protect and the limits table.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from http.client import responses
from typing import Any

from aiohttp import web

from local_cloud.gateway import events
from local_cloud.gateway.access_log import AccessRecord
from local_cloud.gateway.apis import Api, ApiCache, Route, Stage
from local_cloud.gateway.authorizer import HandshakeRefused, authorize
from local_cloud.gateway.backend import Backend
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.handshakes import Handshakes
from local_cloud.gateway.integration import Outcome, run_integration
from local_cloud.gateway.telemetry import Telemetry
from local_cloud.gateway.throttle import Throttles
from local_cloud.gateway.traffic import CLIENTS, GATEWAY
from local_cloud.gateway.websocket import WebSocket, compute_accept_key

logger = logging.getLogger(__name__)

# The developer guide's apigateway-execution-service-websocket-limits-table.html
IDLE_TIMEOUT_S = 10 * 60
MAX_CONNECTION_S = 2 * 60 * 60
# Real seconds between two checks of these limits; a faster clock notices them that much later.
_SWEEP_EVERY_S = 0.2


@dataclass(slots=True, eq=False)
class Session:
    """An open connection; `opened` and `active` are seconds of the Clock, `last_active_at` is epoch ms."""

    peer: events.Peer
    socket: WebSocket
    opened: float
    active: float
    last_active_at: int
    loses_disconnect: bool = False


class Gateway:
    """Serves all WebSocket APIs that one emulator declares."""

    def __init__(self, backend: Backend, apis: ApiCache[Api], clock: Clock, telemetry: Telemetry) -> None:
        self.backend, self.apis, self.clock, self.telemetry = backend, apis, clock, telemetry
        self.throttles = Throttles(clock)
        self.sessions: dict[str, Session] = {}
        self.handshakes = Handshakes()
        self.disconnects_to_lose = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # Connecting

    async def connect(self, request: web.BaseRequest, api_id: str, stage_name: str) -> web.StreamResponse:
        """Answer a WebSocket handshake and, if it is accepted, serve the connection until it ends."""
        peer = events.Peer(api_id, stage_name, _read_handshake(request))
        event = events.build_connect_event(peer)
        api = await self.apis.get(api_id)
        stage = api.stages.get(stage_name) if api else None

        outcome, status, message, detail = None, 200, "", ""
        self.backend.traffic.count(CLIENTS, GATEWAY)
        try:
            outcome = await self._admit(api, stage, peer, event)
            if outcome is not None and not outcome.succeeded:
                status, message = outcome.status, outcome.error or responses.get(outcome.status, "Refused")
                detail = f"$connect answered {status} {outcome.detail}".rstrip()
                logger.info("%s/%s: %s", api_id, stage_name, detail)
        except HandshakeRefused as error:
            status, message, detail = error.status, error.message, error.detail
            logger.info("%s/%s: handshake refused: %s", api_id, stage_name, error)

        request_id = event["requestContext"]["requestId"]
        self.handshakes.add(peer, request_id, status, detail)
        self.telemetry.record(AccessRecord(peer, stage, event, status, message, outcome))
        if not message:
            return await self._serve(request, peer, outcome or Outcome())
        ids = {"connectionId": peer.connection_id, "requestId": request_id}
        response = web.json_response({"message": message, **ids}, status=status)
        response.force_close()
        return response

    async def _admit(
        self, api: Api | None, stage: Stage | None, peer: events.Peer, event: events.Event
    ) -> Outcome | None:
        """Check throttles and authorizer, and run `$connect` if there is one. Raises HandshakeRefused."""
        if api is None or stage is None or not stage.deployed:
            raise HandshakeRefused(403, "Forbidden", "no WebSocket API has this stage, deployed")
        if not (
            self.throttles.allows_connect()
            and self.throttles.allows_request()
            and self.throttles.allows(stage.limit("$connect"), api.api_id, stage.name, "$connect")
        ):
            raise HandshakeRefused(429, "Too Many Requests", "throttled")

        # `$default` never stands in for `$connect`.
        route = api.routes.get("$connect")
        if route is None:
            return None
        if route.authorization == "CUSTOM" and route.authorizer is not None:
            peer.authorizer = await authorize(self.backend, route.authorizer, stage, event)
            event["requestContext"]["authorizer"] = peer.authorizer
        elif route.authorization != "NONE":
            raise HandshakeRefused(
                500, "Internal Server Error", f"{route.authorization} authorization is not imitated"
            )
        return await run_integration(self.backend, route.integration, event)

    async def _serve(
        self, request: web.BaseRequest, peer: events.Peer, outcome: Outcome
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=101)
        response.headers["Upgrade"], response.headers["Connection"] = "websocket", "Upgrade"
        response.headers["Sec-WebSocket-Accept"] = compute_accept_key(
            request.headers.get("Sec-WebSocket-Key", "")
        )
        # docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
        chosen = next((v for k, v in outcome.headers.items() if k.lower() == "sec-websocket-protocol"), None)
        if chosen is not None:
            response.headers["Sec-WebSocket-Protocol"] = chosen

        transport = request.transport
        if transport is None or transport.is_closing():
            return response  # the client left while $connect ran and never had a connection
        response.force_close()
        await response.prepare(request)
        now = self.clock.now()

        def active() -> None:
            session.active, session.last_active_at = self.clock.now(), events.now_ms()

        def take(text: str) -> None:
            # The time of receipt, by which functions order requests, is that of the last byte.
            self._spawn(self._message(session, text, events.now_ms()))

        socket = WebSocket(transport, take, active)
        session = Session(peer, socket, now, now, peer.connected_at)
        self.sessions[peer.connection_id] = session
        request.protocol.set_parser(socket)  # type: ignore[arg-type]  # it asks for feed_data and feed_eof
        if transport.is_closing():
            socket.feed_eof()  # the client left before the parser was set

        try:
            await socket.closed.wait()
        finally:
            self.sessions.pop(peer.connection_id, None)
            self._spawn(self._disconnect(session))
            transport.close()  # the server closes TCP first: RFC 6455, 7.1.1
        return response

    # Messages

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _message(self, session: Session, text: str, received_ms: int) -> None:
        """Route one message and reply; messages of one connection run concurrently, as on AWS."""
        peer = session.peer
        self.backend.traffic.count(CLIENTS, GATEWAY)
        api = await self.apis.get(peer.api_id)
        stage = api.stages.get(peer.stage) if api else None
        route = api.select(text) if api else None
        event = events.build_message_event(peer, route.key if route else "$default", text, received_ms)

        outcome: Outcome | None = None
        if stage is None or route is None:
            status, refused = 403, "Forbidden"
        elif not self._allows_message(peer.api_id, stage, route):
            status, refused = 429, "Too Many Requests"
        else:
            outcome = await run_integration(self.backend, route.integration, event)
            status, refused = outcome.status, outcome.error
            if outcome.detail:
                logger.warning("%s %s: %s", peer.api_id, route.key, outcome.detail)

        # A route with a route response sends a frame even if there is no text for it, and that is billed:
        # github.com/serverless/serverless/issues/6816
        reply: str | None = None
        if refused:
            ids = {"connectionId": peer.connection_id, "requestId": event["requestContext"]["requestId"]}
            reply = json.dumps({"message": refused, **ids}, separators=(", ", ":"))
        elif route is not None and outcome is not None and route.replies:
            reply = outcome.body

        replied = reply is not None and self.push(session, reply)
        self.telemetry.record(AccessRecord(peer, stage, event, status, refused, outcome, replied))

    def _allows_message(self, api_id: str, stage: Stage, route: Route) -> bool:
        limit = stage.limit(route.key)
        return self.throttles.allows_request() and self.throttles.allows(limit, api_id, stage.name, route.key)

    def push(self, session: Session, text: str) -> bool:
        """Send a message to a client; return False when the connection is not open."""
        sent = session.socket.send(text)
        if sent:
            self.backend.traffic.count(GATEWAY, CLIENTS)
        return sent

    # Ending

    async def _disconnect(self, session: Session) -> None:
        """Run `$disconnect`, unless a test asked to lose it."""
        if session.loses_disconnect or self.disconnects_to_lose > 0:
            self.disconnects_to_lose -= not session.loses_disconnect
            return

        peer = session.peer
        event = events.build_disconnect_event(peer, session.socket.code, session.socket.reason)
        api = await self.apis.get(peer.api_id)
        route = api.routes.get("$disconnect") if api else None
        stage = api.stages.get(peer.stage) if api else None
        if route is None:
            return
        outcome = await run_integration(self.backend, route.integration, event)
        if outcome.detail:
            logger.warning("%s $disconnect: %s", peer.api_id, outcome.detail)
        self.telemetry.record(AccessRecord(peer, stage, event, outcome.status, outcome.error, outcome))

    def sweep(self) -> None:
        """Close the connections that were idle for ten minutes or open for two hours."""
        now = self.clock.now()
        for session in list(self.sessions.values()):
            if now - session.active >= IDLE_TIMEOUT_S or now - session.opened >= MAX_CONNECTION_S:
                session.socket.close(1001, "Going away")

    async def keep_sweeping(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            self.sweep()

    async def close(self, grace_s: float = 5.0) -> None:
        """Close all connections and give `$disconnect` up to `grace_s` to run."""
        for session in list(self.sessions.values()):
            session.socket.close(1001, "Going away")
            session.socket.closed.set()
        await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)


def _read_handshake(request: web.BaseRequest) -> events.Handshake:
    headers = [(k.decode("latin-1"), v.decode("utf-8", "replace")) for k, v in request.raw_headers]
    skipped = {"connection", "upgrade"}

    source_ip = request.remote or "127.0.0.1"
    headers = [(k, v) for k, v in headers if k.lower() not in skipped]
    headers += [("X-Forwarded-For", source_ip), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")]
    return events.Handshake(tuple(headers), tuple(request.query.items()), source_ip)
