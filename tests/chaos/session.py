"""One WebSocket connection of a client: requests with their replies, and everything else as pushes."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_SECONDS = 32.0
"""A route answers within API Gateway's 29 s or not at all."""
HANDSHAKE_SECONDS = 35.0

Frame = dict[str, Any]


class Unanswered(Exception):
    """A request has no reply: the connection ended, or API Gateway said that the route failed."""


class Session:
    """An open connection. `on_push` gets each frame that answers no request, in the order of arrival."""

    def __init__(self, socket: ClientConnection, on_push: Callable[[Frame], None]) -> None:
        self._socket, self._on_push = socket, on_push
        self._asked: dict[str, asyncio.Future[Frame]] = {}
        self.heard_at = time.monotonic()
        """When the last frame arrived."""
        self.ended = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, url: str, token: str, on_push: Callable[[Frame], None]) -> Self:
        """Connect. Raises OSError, TimeoutError or WebSocketException where the handshake fails."""
        headers = {"Authorization": f"Bearer {token}"}
        socket = await connect(
            url,
            additional_headers=headers,
            ping_interval=None,
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=1,
        )
        return cls(socket, on_push)

    async def ask(self, action: str, data: Any = None, request_id: str = "") -> Frame:
        """Send a request and return its reply, which may be an error. Raises Unanswered."""
        request_id = request_id or str(uuid.uuid4())
        answer = self._asked[request_id] = asyncio.get_running_loop().create_future()
        request = {"action": action, "requestId": request_id, **({} if data is None else {"data": data})}
        try:
            await self._socket.send(json.dumps(request))
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except (TimeoutError, WebSocketException) as error:
            raise Unanswered(f"{action}: {error!r}") from error
        finally:
            del self._asked[request_id]

    async def close(self) -> None:
        """Close the connection as a well-behaved client does."""
        await self._socket.close()
        await self.ended

    async def _listen(self) -> None:
        try:
            async for text in self._socket:
                self.heard_at = time.monotonic()
                self._take(json.loads(text))
        except WebSocketException:
            pass  # the end of the connection, in whatever way
        finally:
            self._fail("the connection ended")

    def _take(self, frame: Frame) -> None:
        if "type" not in frame:
            # API Gateway's own, with its own request id: which request failed is not known.
            self._fail(str(frame.get("message")))
        elif frame["type"] == "batch" and "position" not in frame:
            for one in frame["data"]["frames"]:
                self._on_push(one)
        elif (answer := self._asked.get(frame.get("requestId", ""))) is not None:
            if not answer.done():
                answer.set_result(frame)
        else:
            self._on_push(frame)

    def _fail(self, reason: str) -> None:
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Unanswered(reason))
