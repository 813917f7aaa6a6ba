"""One topic on the wire: what is wanted, what the server has confirmed, and the way from one to the other.

At most one request is in flight. After each reply the two are compared again, so only the last wish counts,
and what is given up while offline sends nothing (rule 11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol

from deals_client.clock import Clock, sleep
from deals_client.errors import AuthenticationError, DealsError, Forbidden, RateLimited, ValidationError
from deals_client.feed import Feed
from deals_client.filters import Matcher, compile_filters
from deals_client.frames import Frame, is_event, to_event
from deals_client.link import Link
from deals_client.progress import Page
from deals_client.requests import ConnectionLost
from deals_client.values import Filters, Source
from deals_client.wire import Action

PAUSE_SECONDS = 2.0
"""After a request that failed for a while; the next one goes on from there."""
RECENT: Final = "recent"
GET_EVENTS: Final = "getEvents"
"""Features of the server."""


class Host(Protocol):
    """What a channel needs of the client."""

    clock: Clock

    @property
    def link(self) -> Link | None:
        """The connection to subscribe on, or None."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in the background."""
        ...

    def may_use(self, feature: str) -> bool:
        """Whether the server has a feature, or has not told yet."""
        ...

    def has(self, feature: str) -> bool:
        """Whether the server has said that it has a feature."""
        ...

    def give_up(self, feature: str) -> None:
        """Note that the server lacks a feature."""

    async def ask(self, action: Action, data: Mapping[str, Any], link: Link) -> Frame:
        """Return the reply to a request of one connection. Raises DealsError, ConnectionLost."""
        ...

    def retire(self, channel: Channel) -> None:
        """Forget a channel that nobody wants any more."""


class Channel:
    """The subscription to one topic, shared by feeds with equal filters."""

    def __init__(self, topic: str, filters: Filters, host: Host) -> None:
        self.topic: str = topic
        self.filters: Filters = filters
        self.matches: Matcher = compile_filters(filters)
        self.feeds: list[Feed] = []
        self._host = host
        self._confirmed_on: Link | None = None
        self._confirmed: Filters | None = None
        self._work: asyncio.Task[None] | None = None
        self._settled: list[asyncio.Future[None]] = []

    def join(self, feed: Feed) -> None:
        """Add a feed."""
        self.feeds.append(feed)
        feed.delivery.on_drained = self.poke
        live = [one.progress.position for one in self.feeds if one.state == "live"]
        positions = [position for position in live if position is not None]
        if positions and feed.progress.position is None and feed.progress.recent is None:
            feed.join(max(positions))
        self.poke()

    def leave(self, feed: Feed) -> None:
        """Remove a feed; the last one's leaving unsubscribes."""
        if feed in self.feeds:
            self.feeds.remove(feed)
        self.poke()

    def change(self, filters: Filters) -> None:
        """Want other filters from now on."""
        self.filters, self.matches = filters, compile_filters(filters)
        self.poke()

    def lose(self) -> None:
        """Take over that there is no connection."""
        self._confirmed_on = None
        for feed in tuple(self.feeds):
            feed.lose()

    def is_confirmed(self, link: Link) -> bool:
        """Whether the server has confirmed the subscription on a connection."""
        return self._confirmed_on is link

    def forget_confirmation(self) -> None:
        """Take the subscription for lost by the server; subscribe again."""
        self._confirmed_on = None
        self.poke()

    def end(self, reason: str, error: BaseException | None = None) -> None:
        """End all feeds: the server has ended the subscription."""
        self._confirmed_on = None
        feeds, self.feeds = self.feeds, []
        for feed in feeds:
            feed.end(reason, error)
        self.poke()

    def poke(self) -> None:
        """Compare what is wanted with what is confirmed."""
        if self._work is None:
            self._work = self._host.start(self._reconcile())

    async def settle(self) -> None:
        """Wait until what is wanted is confirmed, or there is no connection. Raises DealsError."""
        if self._work is not None:
            settled = asyncio.get_running_loop().create_future()
            self._settled.append(settled)
            await settled

    async def _reconcile(self) -> None:
        try:
            while (link := self._host.link) is not None and link.is_open:
                step = self._next_step(link)
                if step is None:
                    break

                try:
                    await step
                except ConnectionLost:
                    continue
                except DealsError as error:
                    if not error.retryable or isinstance(error, AuthenticationError):
                        self._refuse(error)
                    else:
                        pause = error.retry_after if isinstance(error, RateLimited) else 0.0
                        await sleep(self._host.clock, max(PAUSE_SECONDS, pause))
        finally:
            self._work = None
            self._settle(None)
            if not self.feeds and self._confirmed_on is None:
                self._host.retire(self)

    def _next_step(self, link: Link) -> Coroutine[Any, Any, None] | None:
        if not self.feeds:
            return self._unsubscribe(link) if self._confirmed_on is link else None
        if self._confirmed_on is not link or self._confirmed != self.filters:
            return self._subscribe(link)
        behind = [feed for feed in self.feeds if feed.wants_page]
        if not behind:
            return None
        new = [feed for feed in behind if feed.progress.position is None]
        return self._read_newest(link, new) if new else self._read_on(link, behind)

    async def _subscribe(self, link: Link) -> None:
        """Subscribe, from the lowest position of those that have one."""
        resuming = [feed for feed in self.feeds if feed.progress.position is not None]
        group = resuming or list(self.feeds)
        since = _lowest_position(resuming)
        filters = self.filters
        for feed in group:
            feed.begin()
        reply = await self._ask_page("subscribeToDeals", link, group, since, filters)
        self._confirmed_on, self._confirmed = link, filters
        self._take(reply, group, since)

    async def _unsubscribe(self, link: Link) -> None:
        self._confirmed_on = None
        await self._host.ask("unsubscribeFromDeals", {"topic": self.topic}, link)

    async def _read_on(self, link: Link, feeds: Sequence[Feed]) -> None:
        """Read the next page of a replay."""
        action: Action = GET_EVENTS if self._host.may_use(GET_EVENTS) else "subscribeToDeals"
        since = _lowest_position(feeds)
        self._take(await self._ask_page(action, link, feeds, since, self.filters), feeds, since)

    async def _read_newest(self, link: Link, feeds: Sequence[Feed]) -> None:
        """Read the newest position, and the first picture of those that want one."""
        reply = await self._ask_page("subscribeToDeals", link, feeds, None, self.filters)
        self._take(reply, feeds, None)

    async def _ask_page(
        self, action: Action, link: Link, feeds: Sequence[Feed], since: int | None, filters: Filters
    ) -> Frame:
        """Ask for a page; a server that lacks a feature is asked again without."""
        while True:
            data: dict[str, Any] = {"topic": self.topic, "filters": filters}
            if since is not None:
                data["since"] = since
            pictures = [feed.progress.recent for feed in feeds if feed.progress.recent is not None]
            if pictures and action != GET_EVENTS and self._host.may_use(RECENT):
                data["recent"] = max(pictures)
            try:
                return await self._host.ask(action, data, link)
            except ValidationError as error:
                refused = {problem.get("field") for problem in error.problems}
                if action == GET_EVENTS and "action" in refused:
                    self._host.give_up(GET_EVENTS)
                    action = "subscribeToDeals"
                elif "recent" in data and "data.recent" in refused:
                    self._host.give_up(RECENT)
                else:
                    raise

    def _take(self, reply: Frame, feeds: Sequence[Feed], since: int | None) -> None:
        data: Mapping[str, Any] = reply.get("data") or {}
        recovered = data.get("recovered", True) is not False
        source: Source = "recent" if since is None or not recovered else "replay"
        frames = [frame for frame in data.get("events", ()) if is_event(frame)]
        events = [to_event(frame, source) for frame in frames]
        page = Page(int(data.get("position", 0)), events, bool(data.get("more")), recovered)
        for feed in tuple(feeds):
            feed.take_page(page, since)

    def _refuse(self, error: DealsError) -> None:
        """Take over that the server will not subscribe: the filters before stay in force, if there are."""
        if self._confirmed is not None and self._confirmed != self.filters and self._settled:
            self.filters, self.matches = self._confirmed, compile_filters(self._confirmed)
        else:
            reason = "forbidden" if isinstance(error, Forbidden) else str(error.code)
            self.end(reason, error)
        self._settle(error)

    def _settle(self, error: DealsError | None) -> None:
        settled, self._settled = self._settled, []
        for waiting in settled:
            if not waiting.done() and error is None:
                waiting.set_result(None)
            elif not waiting.done() and error is not None:
                waiting.set_exception(error)


def _lowest_position(feeds: Sequence[Feed]) -> int | None:
    return min((f.progress.position for f in feeds if f.progress.position is not None), default=None)
