"""A client that listens to a topic for as long as it takes: it resumes, so nothing is missed in between."""

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

IDLE_SECONDS = 300
"""Outside limit: API Gateway closes what is silent for ten minutes."""
ANSWER_SECONDS = 30
SEEN_MAX = 10_000
PAUSE_SECONDS_MAX = 30.0
ATTEMPTS_MAX = 8
"""Connections in a row that fail before anything is heard."""

Frame = dict[str, Any]


@dataclass
class Listener:
    """Yields the events of a topic, each once. `token` makes a token; `note` is told the rest."""

    url: str
    topic: str
    filters: dict[str, Any]
    token: Callable[[], str]
    note: Callable[[str], None]
    since: int | None = None
    sleep: Callable[[float], None] = time.sleep
    _seen: deque[str] = field(default_factory=lambda: deque(maxlen=SEEN_MAX))
    _known: set[str] = field(default_factory=set)
    _replayed: deque[Frame] = field(default_factory=deque)
    _waiting: deque[Frame] = field(default_factory=deque)
    """Live frames that overtook an answer."""

    def events(self) -> Iterator[Frame]:
        """Events as they come, for ever. Raises NotAllowed where the token is refused, CallFailed."""
        failures = 0
        while True:
            try:
                with self._connected() as socket:
                    for frame in self._session(socket):
                        failures = 0
                        yield frame
                    self.note("the server asked to reconnect")
                    continue
            except (OSError, ConnectionClosed, TimeoutError) as error:
                failures += 1
                if failures == ATTEMPTS_MAX:
                    raise CallFailed(f"no connection to {self.url}: {error}") from error
                pause = random.uniform(0.5, 1) * min(PAUSE_SECONDS_MAX, 2.0**failures)  # noqa: S311
                self.note(f"disconnected ({error or type(error).__name__}); again in {pause:.0f} s")
                self.sleep(pause)

    def _connected(self) -> ClientConnection:
        try:
            return connect(
                self.url,
                additional_headers={"Authorization": f"Bearer {self.token()}"},
                open_timeout=ANSWER_SECONDS,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status in {401, 403}:
                what = (
                    "malformed, expired or wrongly signed" if status == 401 else "good, but may not connect"
                )
                raise NotAllowed(f"the token was refused ({status}): it is {what}") from error
            raise OSError(f"the handshake was answered {status}") from error

    def _session(self, socket: ClientConnection) -> Iterator[Frame]:
        """The events of one connection, until it should be left."""
        self._subscribe(socket)
        while True:
            frame = self._next(socket)
            match frame["type"]:
                case "reconnect":
                    return
                case "tokenExpiring":
                    self._ask(socket, "refreshToken", {"token": self.token()})
                case _:
                    yield from self._fresh(frame)

    def _next(self, socket: ClientConnection) -> Frame:
        """What was replayed, then what came meanwhile, then what comes."""
        while not self._replayed and not self._waiting:
            try:
                self._waiting.extend(_opened(socket.recv(timeout=IDLE_SECONDS)))
            except TimeoutError:
                socket.send(json.dumps({"action": "ping"}))
        return self._replayed.popleft() if self._replayed else self._waiting.popleft()

    def _subscribe(self, socket: ClientConnection) -> None:
        """Subscribe, and replay what came since, page by page."""
        while True:
            data: dict[str, Any] = {"topic": self.topic, "filters": self.filters}
            if self.since is not None:
                data["since"] = self.since
            answer = self._ask(socket, "subscribeToDeals", data)
            if self.since is not None and not answer.get("recovered", True):
                self.note(f"the history does not reach back to {self.since}: some events are missing")
            self._replayed.extend(answer.get("events", []))
            self.since = answer["position"]
            if not answer.get("more"):
                return

    def _ask(self, socket: ClientConnection, action: str, data: dict[str, Any]) -> dict[str, Any]:
        """The data of the answer; what else arrives before it waits."""
        request_id = f"ops-{next(_requests)}"
        socket.send(json.dumps({"action": action, "data": data, "requestId": request_id}))
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            for frame in _opened(socket.recv(timeout=max(0.1, deadline - time.monotonic()))):
                if frame.get("requestId") != request_id:
                    self._waiting.append(frame)
                elif frame["type"] == "error":
                    raise _refusal(action, frame["data"])
                else:
                    return dict(frame["data"])

    def _fresh(self, frame: Frame) -> Iterator[Frame]:
        """The frame, if it is an event that was not yielded before."""
        event_id = frame.get("eventId")
        if event_id is None or "position" not in frame or event_id in self._known:
            return
        if len(self._seen) == SEEN_MAX:
            self._known.discard(self._seen[0])
        self._seen.append(event_id)
        self._known.add(event_id)
        self.since = max(self.since or 0, frame["position"])
        yield frame


_requests = itertools.count(1)


def _refusal(action: str, told: dict[str, Any]) -> Exception:
    """What an error frame means: a mistake, a token that is refused, or worth another connection."""
    text = f"{action} was refused: {told['code']}: {told['message']}"
    match told["code"]:
        case "VALIDATION_ERROR":
            return WrongArgument(text)
        case "AUTHENTICATION_ERROR":
            return NotAllowed(text)
        case _:
            return OSError(text)


def _opened(text: str | bytes) -> list[Frame]:
    """The frames of a message: itself, or what a `batch` holds."""
    frame: Frame = json.loads(text)
    return list(frame["data"]["frames"]) if frame["type"] == "batch" else [frame]
