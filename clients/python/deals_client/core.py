"""Joins the client's parts: frames go to the part that they are for, and each part gets its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from deals_client.channel import Channel
from deals_client.channels import Channels
from deals_client.clock import Clock
from deals_client.emitter import Emitter
from deals_client.errors import ClientClosed, DealsError
from deals_client.feed import Feed
from deals_client.frames import Frame, decode_frames, is_event
from deals_client.heartbeat import Heartbeat, SleepWatch
from deals_client.inbox import Inbox
from deals_client.json_values import as_object
from deals_client.link import Link
from deals_client.refusals import Closing, Loss
from deals_client.renewal import TokenRenewal
from deals_client.requests import ConnectionLost, Requests
from deals_client.runtime import Runtime
from deals_client.server_state import Checkup, parse_status
from deals_client.session import Session
from deals_client.sockets import OpenSocket
from deals_client.storage import IDS_KEPT, Positions, Storage
from deals_client.tokens import GetToken, Tokens
from deals_client.values import Filters, ServerInfo, Status
from deals_client.wire import Action

KEEP_ALIVE = "keepAlive"


class Core:
    """Everything of a client but its public methods."""

    def __init__(
        self,
        url: str,
        runtime: Runtime,
        get_token: GetToken,
        open_socket: OpenSocket,
        storage: Storage | None,
    ) -> None:
        self.runtime: Runtime = runtime
        self.emitter: Emitter = runtime.emitter
        self.clock: Clock = runtime.clock
        clock = self.clock
        self.tokens: Tokens = Tokens(get_token, runtime.options, clock)
        self.session: Session = Session(url, runtime, open_socket, self.tokens, self)
        self.requests: Requests = Requests(
            runtime, refresh=self._refresh, reconnect=_give_up, doubt=self._settle_doubt
        )
        self.channels: Channels = Channels(self, clock)
        self.inbox: Inbox = Inbox(self.requests.ask, clock, self.emitter)
        self.renewal: TokenRenewal = TokenRenewal(
            runtime, self.tokens, self.ask, lambda error: self.session.stop("notAuthorized", error)
        )
        self.positions: Positions | None = (
            None if storage is None else Positions(storage, clock, self._collect, self.emitter.warn)
        )
        self.server: ServerInfo | None = None
        self._lacking: set[str] = set()
        self._heartbeats: dict[Link, Heartbeat] = {}
        self._checkups: dict[Link, Checkup] = {}
        self._watch: SleepWatch | None = None

    # What a channel needs

    @property
    def link(self) -> Link | None:
        """The connection to subscribe on; none while it is not known whose positions were loaded."""
        if self.positions is not None and not self.positions.knows_user:
            return None
        return self.session.link

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in the background."""
        return self.emitter.tasks.start(work)

    def may_use(self, feature: str) -> bool:
        """Whether the server has a feature, or has not told yet."""
        if feature in self._lacking:
            return False
        return self.server is None or feature in self.server.features

    def has(self, feature: str) -> bool:
        """Whether the server has said that it has a feature."""
        return self.server is not None and feature in self.server.features

    def give_up(self, feature: str) -> None:
        """Note that the server lacks a feature."""
        self._lacking.add(feature)

    async def ask(self, action: Action, data: Mapping[str, Any], link: Link) -> Frame:
        """Return the reply to a request of one connection. Raises DealsError, ConnectionLost."""
        return await self.requests.ask(action, data, link=link)

    def retire(self, channel: Channel) -> None:
        """Forget a channel that nobody wants any more."""
        self.channels.retire(channel)

    # What the session tells

    def opened(self, link: Link) -> None:
        """Greet the server, and renew the subscriptions on the new connection."""
        self._heartbeats[link] = Heartbeat(
            link, self.clock, self.runtime.options, lambda: self.has(KEEP_ALIVE)
        )
        self._checkups[link] = Checkup(self.clock, self.runtime.random, lambda: self._greet(link), self.start)
        self._checkups[link].now()
        self.channels.renew()

    def adopted(self, link: Link) -> None:
        """Send requests on this connection, and look what came while away."""
        if self._watch is None:
            self._watch = SleepWatch(self.clock, self._on_wake)
        self.requests.use(link)
        self.start(self._read_inbox())

    def returned(self, _link: Link) -> None:
        """Stay on the old connection: subscribe there again."""
        self.channels.renew()

    def lost(self, link: Link, loss: Loss, *, is_last: bool) -> None:
        """Forget what belongs to the connection."""
        self._heartbeats.pop(link).stop()
        self._checkups.pop(link).stop()
        self.requests.lose(link, loss)
        if is_last:
            self.renewal.stop()
            self.channels.lose()

    def in_flight(self, link: Link) -> int:
        """Return how many requests await their answer on a connection."""
        return self.requests.in_flight(link)

    def take_text(self, link: Link, text: str) -> None:
        """Take what has arrived."""
        try:
            frames = list(decode_frames(text))
        except (ValueError, KeyError, TypeError) as error:
            self.emitter.warn("badFrame", f"not a frame: {text[:100]!r}", error)
            return
        for frame in frames:
            try:
                self._take(link, frame)
            except Exception as error:  # noqa: BLE001 - or the reader would end, and the client hear nothing more
                self.emitter.warn("badFrame", "a frame is malformed", error)

    def _take(self, link: Link, frame: Frame) -> None:
        if is_event(frame):
            self.channels.take_event(frame)
            if self.positions is not None:
                self.positions.note_change()
        elif "type" not in frame:
            # API Gateway's own, with its own request id: which request failed is not known.
            self.emitter.warn("gatewayFrame", str(frame.get("message")))
        elif "requestId" in frame:
            self._take_reply(link, frame)
        else:
            self._take_push(link, frame)

    def _take_reply(self, link: Link, frame: Frame) -> None:
        is_unknown = as_object(frame.get("data")).get("code") == "CONNECTION_ERROR"
        if not link.replied.done() and not is_unknown:
            link.replied.set_result(None)
        self.requests.take(link, frame)

    def _take_push(self, link: Link, frame: Frame) -> None:
        data = as_object(frame.get("data"))
        match frame["type"]:
            case "messageReceived" | "notification" | "messageStatus":
                self.inbox.take(frame)
            case "tokenExpiring":
                self.renewal.refresh_soon(link)
            case "reconnect":
                self.session.move(link, data.get("graceSeconds"))
            case "closing":
                wait = data.get("retryAfterMs") or 0
                link.closing = Closing(
                    str(data.get("reason")), data.get("reconnect") is not False, wait / 1000
                )
            case "subscriptionEnded":
                self.channels.end_topic(str(data.get("topic")), str(data.get("reason")))
            case other:
                self.emitter.warn("unknownFrame", f"a frame of type {other!r} was ignored")

    # What the client does

    async def close(self) -> None:
        """End everything, for good."""
        if self.session.state == "closed":
            return
        if self.positions is not None:
            self.positions.save()
        await self._end("closed")
        self.channels.end_all("closed")
        self.emitter.is_silent = True
        self.emitter.tasks.cancel(but=asyncio.current_task())

    async def disconnect(self) -> None:
        """End the connection; the subscriptions are kept for the next one."""
        if self.session.state != "closed":
            await self._end("idle")

    async def _end(self, state: Any) -> None:
        self.renewal.stop()
        self.tokens.cancel()
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        if self.positions is not None:
            self.positions.stop()
        self.requests.fail(lambda: ClientClosed("the client was closed while the request waited"))
        await self.session.end(state)

    def subscribe(self, topic: str, filters: Filters, feed: Feed) -> Channel:
        """Add a subscriber, from where the process before has left off if it did not say where."""
        if self.positions is not None:
            self._resume(topic, feed)
        return self.channels.join(topic, filters, feed)

    def status(self, frame: Frame) -> Status:
        """Take over what a statusUpdate says, and return it."""
        status = parse_status(frame["data"])
        self.server = status.server
        return status

    def _resume(self, topic: str, feed: Feed) -> None:
        if self.positions is not None and feed.progress.position is None:
            position = self.positions.position(topic)
            if position is not None:
                feed.progress.position = position
                for event_id in self.positions.ids:
                    feed.progress.seen.add(event_id)

    async def _greet(self, link: Link) -> None:
        """Ask what the server knows of a connection, and compare it with what the client knows."""
        try:
            frame = await self.ask("getStatus", {}, link)
        except (ConnectionLost, DealsError):
            # The connection's end and its heartbeat tell what this is about.
            return
        status = self.status(frame)
        if link is self.session.link or not self._heartbeats.keys() - {link}:
            self.renewal.learn(link, float(status.token_expires_at - frame["timestamp"]))
        if self.positions is not None and not self.positions.knows_user:
            self.positions.meet(status.user_id)
            for channel in self.channels:
                for feed in channel.feeds:
                    self._resume(channel.topic, feed)
            self.channels.renew()
        elif self.positions is not None:
            self.positions.meet(status.user_id)
        checkup = self._checkups.get(link)
        if checkup is not None and checkup.rounds > 1:
            self.channels.compare(link, status.subscriptions)

    async def _read_inbox(self) -> None:
        try:
            await self.inbox.catch_up()
        except DealsError as error:
            if not isinstance(error, ClientClosed):
                self.emitter.warn("inboxNotRead", "what came while away could not be read", error)

    async def _refresh(self, link: Link) -> None:
        await self.renewal.refresh(link)

    def _settle_doubt(self, link: Link) -> None:
        if (heartbeat := self._heartbeats.get(link)) is not None:
            heartbeat.ask()

    def _on_wake(self) -> None:
        """Settle the doubt after a sleep, and do not wait any longer."""
        for heartbeat in self._heartbeats.values():
            heartbeat.ask()
        self.session.wake()

    def _collect(self) -> tuple[Mapping[str, int], Sequence[str]]:
        positions: dict[str, int] = {}
        ids: list[str] = []
        for channel in self.channels:
            safe = [feed.safe_position for feed in channel.feeds]
            known = [position for position in safe if position is not None]
            if known:
                positions[channel.topic] = min(known)
            for feed in channel.feeds:
                ids += feed.safe_ids(IDS_KEPT)
        return positions, list(dict.fromkeys(ids))


def _give_up(link: Link) -> None:
    link.end(reason="the server does not know this connection")
