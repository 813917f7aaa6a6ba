"""A WebSocket client that listens to one topic, reconnects, and resumes so that it misses no event."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from deals_ops.errors import CallFailed, NotAllowed, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.client import ClientConnection

HEARTBEAT_SECONDS = 450
"""Without a frame. Outside limit: API Gateway closes a connection that was idle for ten minutes."""
HEARTBEATS_MAX = 3
"""Heartbeats in a row; in place of the next one, after half an hour, ask whether the server knows the
connection."""
REPLY_SECONDS = 30
EVENT_IDS_MAX = 10_000
BACKOFF_SECONDS_MAX = 30.0
ATTEMPTS_MAX = 8
"""Connections in a row that fail before an event arrives."""

Frame = dict[str, Any]


@dataclass
class TopicListener:
    """Yields the events of a topic, each once.

    `get_token` returns a token for each connection and refresh; `print_note` reports gaps and reconnects.
    """

    url: str
    topic: str
    filters: dict[str, Any]
    get_token: Callable[[], str]
    print_note: Callable[[str], None]
    since: int | None = None
    sleep: Callable[[float], None] = time.sleep
    _event_ids: deque[str] = field(default_factory=lambda: deque(maxlen=EVENT_IDS_MAX))
    """Of the events yielded, in their order; `_known` has the same ids."""
    _known: set[str] = field(default_factory=set)
    _replayed: deque[Frame] = field(default_factory=deque)
    _live: deque[Frame] = field(default_factory=deque)
    """Frames that arrived while a reply was awaited, or in the same batch."""

    def events(self) -> Iterator[Frame]:
        """Yield events for ever. Raises NotAllowed if the token is refused, CallFailed after 8 attempts."""
        failures = 0
        while True:
            try:
                with self._connect() as socket:
                    for frame in self._receive_events(socket):
                        failures = 0
                        yield frame
                    self.print_note("the server asked to reconnect")
                    continue
            except (OSError, ConnectionClosed, TimeoutError) as error:
                failures += 1
                if failures == ATTEMPTS_MAX:
                    raise CallFailed(f"no connection to {self.url}: {error}") from error

                delay = random.uniform(0.5, 1) * min(BACKOFF_SECONDS_MAX, 2.0**failures)  # noqa: S311
                self.print_note(f"disconnected ({error or type(error).__name__}); retry in {delay:.0f} s")
                self.sleep(delay)

    def _connect(self) -> ClientConnection:
        try:
            return connect(
                self.url,
                additional_headers={"Authorization": f"Bearer {self.get_token()}"},
                open_timeout=REPLY_SECONDS,
            )
        except InvalidStatus as error:
            match error.response.status_code:
                case 401:
                    problem = "the token was refused (401): it is malformed, expired or wrongly signed"
                    raise NotAllowed(problem) from error
                case 403:
                    problem = "the token was refused (403): it is valid, but does not allow to connect"
                    raise NotAllowed(problem) from error
                case status:
                    raise OSError(f"the handshake was answered {status}") from error

    def _receive_events(self, socket: ClientConnection) -> Iterator[Frame]:
        """Yield the events of one connection; returns when the server asks to reconnect."""
        self._subscribe(socket)
        while True:
            frame = self._next_frame(socket)
            match frame["type"]:
                case "reconnect":
                    return
                case "tokenExpiring":
                    self._request(socket, "refreshToken", {"token": self.get_token()})
                case _ if self._is_new_event(frame):
                    yield frame

    def _next_frame(self, socket: ClientConnection) -> Frame:
        """Return the next frame: replayed ones first, then live ones in the order of their arrival."""
        heartbeats = 0
        while not self._replayed and not self._live:
            try:
                self._live.extend(_unpack_frames(socket.recv(timeout=HEARTBEAT_SECONDS)))
            except TimeoutError:
                if heartbeats < HEARTBEATS_MAX:
                    heartbeats += 1
                    socket.send(json.dumps({"action": "keepAlive"}))
                else:
                    heartbeats = 0
                    self._check_subscribed(socket)
        return self._replayed.popleft() if self._replayed else self._live.popleft()

    def _check_subscribed(self, socket: ClientConnection) -> None:
        """Ask the server after a long silence. Raises OSError if it would never push anything.

        A ping would not tell: it is answered without a look at what the server knows of the connection.
        """
        status = self._request(socket, "getStatus", {})
        if not any(item["topic"] == self.topic for item in status["subscriptions"]):
            raise OSError("the server has lost the subscription")

    def _subscribe(self, socket: ClientConnection) -> None:
        """Subscribe, and replay the events since the last position, page by page."""
        while True:
            data: dict[str, Any] = {"topic": self.topic, "filters": self.filters}
            if self.since is not None:
                data["since"] = self.since
            reply = self._request(socket, "subscribeToDeals", data)

            if self.since is not None and not reply.get("recovered", True):
                self.print_note(f"the history does not reach back to {self.since}: some events are missing")
            self._replayed.extend(reply.get("events", []))
            self.since = reply["position"]
            if not reply.get("more"):
                return

    def _request(self, socket: ClientConnection, action: str, data: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the data of its reply; other frames that arrive are kept."""
        request_id = f"ops-{next(_request_numbers)}"
        socket.send(json.dumps({"action": action, "data": data, "requestId": request_id}))

        deadline = time.monotonic() + REPLY_SECONDS
        while True:
            for frame in _unpack_frames(socket.recv(timeout=max(0.1, deadline - time.monotonic()))):
                if frame.get("requestId") != request_id:
                    self._live.append(frame)
                elif frame["type"] == "error":
                    raise _translate_error_frame(action, frame["data"])
                else:
                    return dict(frame["data"])

    def _is_new_event(self, frame: Frame) -> bool:
        """Whether the frame is an event that was not yielded before; remembers it and its position."""
        event_id = frame.get("eventId")
        if event_id is None or "position" not in frame or event_id in self._known:
            return False

        if len(self._event_ids) == EVENT_IDS_MAX:
            self._known.discard(self._event_ids[0])
        self._event_ids.append(event_id)
        self._known.add(event_id)
        self.since = max(self.since or 0, frame["position"])
        return True


_request_numbers = itertools.count(1)


def _translate_error_frame(action: str, data: dict[str, Any]) -> Exception:
    """Return the error to raise; an OSError if another connection may succeed."""
    text = f"{action} was refused: {data['code']}: {data['message']}"
    match data["code"]:
        case "VALIDATION_ERROR":
            return WrongArgument(text)
        case "AUTHENTICATION_ERROR" | "FORBIDDEN":
            return NotAllowed(text)
        case _:
            return OSError(text)


def _unpack_frames(text: str | bytes) -> list[Frame]:
    """Return the frames of a message: those of a `batch` frame, or the single frame that it is."""
    frame: Frame = json.loads(text)
    # A frame with a position is an event, whatever its publisher called it.
    is_batch = frame["type"] == "batch" and "position" not in frame
    return list(frame["data"]["frames"]) if is_batch else [frame]
