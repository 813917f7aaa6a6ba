"""A user's client that stays connected whatever happens, subscribes, reads its inbox and sends messages.

It knows no more than the client guide tells it: backoff, resume, `getStatus` after a silence, repeats with
the same request id. Only its pauses are shorter.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

from websockets.exceptions import WebSocketException

from tests.chaos.session import Session, Unanswered
from tests.chaos.subscription import Refused, Subscription

if TYPE_CHECKING:
    import random
    from collections import Counter

    from tests.chaos.session import Frame
    from tests.e2e.service import Service

SILENCE_SECONDS = 10.0
"""After this long without a push the client asks for its status; the client guide says five minutes."""
PAUSE_SECONDS_MAX = 8.0
"""The longest pause between two attempts to connect; the client guide says 30 s."""
UNKNOWN = "CONNECTION_ERROR"


def text_of(message: dict[str, Any]) -> str:
    """Return the text of a message or notification, from its push or its entry in the inbox."""
    content = message.get("content", message)
    return str(content["message"] if isinstance(content, dict) else content)


class Client:
    """One user with one connection at a time."""

    def __init__(
        self, service: Service, user_id: str, subscriptions: list[Subscription], dice: random.Random,
        counts: Counter[str],
    ) -> None:  # fmt: skip
        self.user_id = user_id
        self.subscriptions = {subscription.topic: subscription for subscription in subscriptions}
        self.pushed: dict[str, float] = {}
        """When each message or notification was pushed for the first time, by its text."""
        self.read: dict[str, float] = {}
        """When the look into the inbox after a connect found it, by its text."""
        self.is_ready = asyncio.Event()
        """Set while the client is connected and all its subscriptions are confirmed."""
        self._service, self._dice, self._counts = service, dice, counts
        self._session: Session | None = None
        self._cursor: str | None = None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            try:
                await self._connect()
                failures = 0
                await self._stay()
            except (OSError, TimeoutError, WebSocketException):
                self._counts["handshakes refused"] += 1
            except (Unanswered, Refused):
                self._counts["connections given up"] += 1
            finally:
                await self._leave()
            failures += 1
            await asyncio.sleep(min(PAUSE_SECONDS_MAX, 2.0 ** (failures - 1)) * self._dice.uniform(0.5, 1))

    async def send(self, recipient_id: str, content: str) -> None:
        """Send a message, the same request again until it is confirmed."""
        request_id = str(uuid.uuid4())
        data = {"recipientId": recipient_id, "content": content}
        while True:
            await self.is_ready.wait()
            try:
                await self._ask("sendMessage", data, request_id)
            except (Unanswered, Refused):
                self._counts["messages sent again"] += 1
                await asyncio.sleep(self._dice.uniform(0.2, 1))
            else:
                return

    async def read_inbox(self) -> list[dict[str, Any]]:
        """Return the whole inbox, page by page. Raises Unanswered or Refused."""
        return [entry async for entry in self._pages(None)]

    async def _connect(self) -> None:
        token = self._service.token(self.user_id)
        self._session = await Session.open(self._service.websocket_url, token, self._take)
        self._counts["connections"] += 1
        for subscription in self.subscriptions.values():
            await self._retry(subscription)
        async for entry in self._pages(self._cursor):
            self.read.setdefault(text_of(entry), time.monotonic())
        self.is_ready.set()

    async def _retry(self, subscription: Subscription) -> None:
        """Subscribe until it is confirmed, unless the connection ends or is unknown."""
        assert self._session is not None
        while True:
            try:
                return await subscription.resume(self._session)
            except Refused as refused:
                if refused.code == UNKNOWN:
                    raise
            except Unanswered:
                if self._session.ended.done():
                    raise
            self._counts["subscribes again"] += 1
            await asyncio.sleep(self._dice.uniform(0.3, 1))

    async def _stay(self) -> None:
        """Return when the connection ends, or the service does not know it."""
        assert self._session is not None
        while not self._session.ended.done():
            quiet_until = self._session.heard_at + SILENCE_SECONDS
            await asyncio.wait({self._session.ended}, timeout=max(0.1, quiet_until - time.monotonic()))
            if not self._session.ended.done() and time.monotonic() >= quiet_until:
                await self._look_after(self._session)

    async def _look_after(self, session: Session) -> None:
        """Ask whether the service knows the connection and all its subscriptions, after a silence."""
        self._counts["status asked after a silence"] += 1
        try:
            status = await self._ask("getStatus")
        except Unanswered:
            return  # the socket tells if it is the connection
        except Refused as refused:
            if refused.code == UNKNOWN:
                self._counts["connections unknown"] += 1
                raise
            return
        session.heard_at = time.monotonic()
        known = {subscription["topic"] for subscription in status["subscriptions"]}
        for topic in self.subscriptions.keys() - known:
            self._counts["subscriptions lost"] += 1
            await self._retry(self.subscriptions[topic])

    async def _leave(self) -> None:
        self.is_ready.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _pages(self, after: str | None) -> Any:
        """Yield the entries of the inbox from a cursor on, and remember the next cursor."""
        while True:
            position = {} if after is None else {"after": after}
            page = await self._ask("getMessages", {"limit": 100, **position})
            for entry in page["messages"]:
                yield entry
            self._cursor = page.get("cursor", self._cursor)
            if (after := page.get("next")) is None:
                return

    async def _ask(self, action: str, data: Any = None, request_id: str = "") -> dict[str, Any]:
        if self._session is None:
            raise Unanswered("not connected")
        reply = await self._session.ask(action, data, request_id)
        if reply["type"] == "error":
            raise Refused(reply["data"])
        return dict(reply["data"])

    def _take(self, frame: Frame) -> None:
        if "position" in frame:
            if (subscription := self.subscriptions.get(frame["topic"])) is not None:
                subscription.take(frame)
        elif frame["type"] in {"messageReceived", "notification"}:
            self.pushed.setdefault(text_of(frame["data"]), time.monotonic())
