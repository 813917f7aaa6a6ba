"""The WebSocket server of a scenario, with faults on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from clients.conformance.runner.driver import WAIT_SECONDS, includes
from clients.conformance.runner.service import Frame, Peer, Refused, Service, frame

PATH = "/test"


@dataclass
class Fault:
    """What happens to the next requests of an action."""

    action: str
    do: str
    times: int = 1
    code: str = "INTERNAL_ERROR"
    details: Any = None


@dataclass
class Refusal:
    """How the next handshakes are answered."""

    status: int
    times: int = 1
    reset: bool = False


class ScenarioServer:
    """Serves one client, by the scenario's service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.requests: list[Frame] = []
        """All that were received, with the number of their connection as `on`."""
        self.faults: list[Fault] = []
        self.refusals: list[Refusal] = []
        self.opens = "normal"
        self.handshakes = 0
        self.url = ""
        self._server: Server | None = None
        self._peers: dict[ServerConnection, Peer] = {}
        self._deaf: set[ServerConnection] = set()
        self._held: list[tuple[ServerConnection, Frame]] = []
        self._never = asyncio.Event()
        self._news = asyncio.Event()
        self._heard: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            0,
            process_request=self._process_request,
            subprotocols=[Subprotocol("deals.v1")],
            select_subprotocol=lambda _connection, _offered: Subprotocol("deals.v1"),
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}{PATH}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._never.set()
        self.drop()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def peers(self) -> list[Peer]:
        """The connections that are open."""
        return list(self._peers.values())

    async def hears(self, wanted: Mapping[str, Any]) -> Frame | None:
        """Wait for the next request with these fields, after the last of its action; None if none comes."""
        action = str(wanted["action"])
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            self._news.clear()
            start = self._heard.get(action, 0)
            for index in range(start, len(self.requests)):
                if includes(self.requests[index], wanted):
                    self._heard[action] = index + 1
                    return self.requests[index]
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                return None

    def has_heard(self, wanted: Mapping[str, Any]) -> bool:
        """Whether such a request has come after the last of its action that was expected."""
        start = self._heard.get(str(wanted["action"]), 0)
        return any(includes(request, wanted) for request in self.requests[start:])

    async def push(self, frames: list[Frame], *, as_batch: bool = False) -> None:
        """Push events to the connections that want them."""
        for socket, peer in tuple(self._peers.items()):
            if not peer.is_known:
                continue
            wanted = [
                self.service.as_sent(event)
                for event in frames
                if any(self.service.wants(topic, one, event) for topic, one in peer.subscriptions.items())
            ]
            if as_batch and wanted:
                wanted = [frame("batch", {"frames": wanted}, self.service.now)]
            for event in wanted:
                await self._send(socket, event)

    async def send_to_all(self, text: str) -> None:
        """Send a text to every connection."""
        for socket in tuple(self._peers):
            await self._send_text(socket, text)

    async def release(self) -> None:
        """Send the answers that were held."""
        held, self._held = self._held, []
        for socket, reply in held:
            await self._send(socket, reply)

    async def close(self, code: int, reason: str) -> None:
        """Close every connection."""
        await asyncio.gather(*(socket.close(code, reason) for socket in tuple(self._peers)))

    def drop(self) -> None:
        """Cut every connection without a close frame."""
        for socket in tuple(self._peers):
            self._peers.pop(socket, None)
            socket.transport.abort()

    def make_deaf(self) -> None:
        """Neither hear nor say anything any more on the connections that are open."""
        for socket in self._peers:
            self._deaf.add(socket)
            socket.transport.pause_reading()

    async def settle(self) -> None:
        """Wait until the client has what was sent, and the server what the client has sent."""
        for _ in range(2):
            pongs: list[asyncio.Future[float]] = []
            for socket in tuple(self._peers):
                if socket in self._deaf:
                    continue
                try:
                    pongs.append(asyncio.ensure_future(await socket.ping()))
                except ConnectionClosed:
                    continue
            if pongs:
                await asyncio.wait(pongs, timeout=WAIT_SECONDS)

    async def _process_request(self, connection: ServerConnection, _request: Request) -> Response | None:
        self.handshakes += 1
        if self.opens == "never":
            await self._never.wait()
        if self.refusals:
            refusal = self.refusals[0]
            refusal.times -= 1
            if refusal.times <= 0:
                self.refusals.pop(0)
            if refusal.reset:
                connection.transport.abort()
                return None
            return connection.respond(refusal.status, "refused\n")
        return None

    async def _handle(self, socket: ServerConnection) -> None:
        token = _read_token(socket)
        peer = Peer(self.handshakes, token, self.service.tokens.get(token, self.service.now))
        self._peers[socket] = peer
        try:
            async for text in socket:
                if socket in self._deaf:
                    continue
                request = json.loads(text)
                self.requests.append({**request, "on": peer.number})
                self._news.set()
                if self.opens != "silent":
                    await self._answer(socket, peer, request)
        except ConnectionClosed:
            pass  # however it ended
        finally:
            self._peers.pop(socket, None)
            self._deaf.discard(socket)

    async def _answer(self, socket: ServerConnection, peer: Peer, request: Frame) -> None:
        action = str(request.get("action"))
        if action == "keepAlive":
            return

        # A fault may take the answer away, replace it, or lose it with its connection.
        fault = self._take_fault(action)
        if fault is not None and fault.do == "ignore":
            return
        if fault is not None and fault.do == "kill":
            await self._send(
                socket, {"message": "Internal server error", "connectionId": "x=", "requestId": "y="}
            )
            return

        refusal = Refused(fault.code, fault.details) if fault is not None and fault.do == "error" else None
        reply = self._reply(peer, request, refusal)
        if fault is not None and fault.do == "lose":
            self._peers.pop(socket, None)
            socket.transport.abort()
        elif fault is not None and fault.do == "hold":
            self._held.append((socket, reply))
        else:
            await self._send(socket, reply)

    def _reply(self, peer: Peer, request: Frame, refusal: Refused | None) -> Frame:
        """Perform a request, unless it is to be refused; returns the frame that answers it."""
        request_id, now = request.get("requestId"), self.service.now
        if refusal is None:
            try:
                data = request.get("data") or {}
                performed = self.service.perform(peer, str(request["action"]), data, str(request_id))
                return frame(*performed, now, request_id)
            except Refused as refused:
                refusal = refused
        error = {"code": refusal.code, "message": refusal.code, "details": refusal.details}
        present = {name: value for name, value in error.items() if value is not None}
        return frame("error", present, now, request_id)

    def _take_fault(self, action: str) -> Fault | None:
        for fault in self.faults:
            if fault.action == action:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    async def _send(self, socket: ServerConnection, reply: Frame) -> None:
        await self._send_text(socket, json.dumps(reply))

    async def _send_text(self, socket: ServerConnection, text: str) -> None:
        if socket in self._deaf:
            return
        try:
            await socket.send(text)
        except ConnectionClosed:
            self._peers.pop(socket, None)


def _read_token(socket: ServerConnection) -> str:
    """Return the token of a handshake: of the header, or of the subprotocols as a browser sends it."""
    assert socket.request is not None  # noqa: S101 - it was accepted
    authorization = socket.request.headers.get("Authorization", "")
    if authorization.startswith("Bearer "):
        return authorization.removeprefix("Bearer ")
    offered = socket.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    others = [one.strip() for one in offered if one.strip() != "deals.v1"]
    return others[0] if others else ""
