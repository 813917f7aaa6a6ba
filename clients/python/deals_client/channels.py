"""All topics of a client: who joins which, renewal after a connect, and dispatch of events (rules 11-15)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from deals_client.channel import Channel, Host
from deals_client.clock import Clock, Timer
from deals_client.errors import DealsError, DuplicateSubscription, Forbidden
from deals_client.feed import Feed
from deals_client.frames import ALL_DEALS, PRIVATE, Frame, to_event
from deals_client.json_values import as_object
from deals_client.link import Link
from deals_client.values import Filters

RENEWED_AT_ONCE = 50
RENEWALS_PER_SECOND = 2.0
"""A user's default limit, over all connections."""
EVENT_FILTERS = "eventFilters"
"""The feature of a server whose event frames carry the publisher's `filters`."""


class Channels:
    """The channels of a client, by topic, in the order in which they were made."""

    def __init__(self, host: Host, clock: Clock) -> None:
        self._host, self._clock = host, clock
        self._channels: dict[str, Channel] = {}
        self._renewals: list[Timer] = []

    def __iter__(self) -> Iterator[Channel]:
        return iter(tuple(self._channels.values()))

    def join(self, topic: str, filters: Filters, feed: Feed) -> Channel:
        """Add a feed. Raises DuplicateSubscription where the topic has other filters."""
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = Channel(topic, filters, self._host)
        elif not channel.feeds:
            channel.change(filters)
        elif not same_filters(channel.filters, filters):
            raise DuplicateSubscription(
                f"{topic} has a subscription with other filters; update it, or unsubscribe from it first"
            )
        channel.join(feed)
        return channel

    def retire(self, channel: Channel) -> None:
        """Forget a channel without feeds."""
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def renew(self) -> None:
        """Subscribe on the connection that the host has now: the first fifty at once, then two a second."""
        self._stop_renewals()
        for number, channel in enumerate(tuple(self._channels.values())):
            if number < RENEWED_AT_ONCE:
                channel.poke()
            else:
                delay = (number + 1 - RENEWED_AT_ONCE) / RENEWALS_PER_SECOND
                self._renewals.append(self._clock.call_later(delay, channel.poke))

    def lose(self) -> None:
        """Take over that there is no connection."""
        self._stop_renewals()
        for channel in tuple(self._channels.values()):
            channel.lose()
            if not channel.feeds:
                self.retire(channel)

    def compare(self, link: Link, known: Iterable[str]) -> None:
        """Renew what the server does not know of, although it has confirmed it."""
        topics = set(known)
        for channel in tuple(self._channels.values()):
            if channel.is_confirmed(link) and channel.topic not in topics:
                channel.forget_confirmation()

    def end_topic(self, topic: str, reason: str) -> None:
        """End the subscription to a topic, as the server says."""
        channel = self._channels.get(topic)
        if channel is not None:
            kind = Forbidden if reason == "permissions" else DealsError
            channel.end(reason, kind(f"the service has ended the subscription to {topic}: {reason}"))

    def end_all(self, reason: str) -> None:
        """End everything: the client is closed."""
        self._stop_renewals()
        for channel in tuple(self._channels.values()):
            channel.end(reason)
        self._channels.clear()

    def take_event(self, frame: Frame) -> None:
        """Hand a live event to each subscription whose filter it passes."""
        topic = str(frame.get("topic"))
        names = (topic,) if topic.startswith(PRIVATE) or topic == ALL_DEALS else (topic, ALL_DEALS)
        channels = [self._channels[name] for name in names if name in self._channels]
        if not channels:
            return
        event = to_event(frame, "live")
        for channel in self._choose(channels, frame):
            for feed in tuple(channel.feeds):
                feed.take_live(event)

    def _choose(self, channels: list[Channel], frame: Frame) -> list[Channel]:
        """Return the channels that an event is for.

        A server of a first release does not send the publisher's filters, on which it has matched: then what
        none of ours seems to want may be for any of them.
        """
        filters, data = as_object(frame.get("filters")), as_object(frame.get("data"))
        wanting = [channel for channel in channels if channel.matches(filters, data)]
        return wanting if wanting or self._host.has(EVENT_FILTERS) else channels

    def _stop_renewals(self) -> None:
        for timer in self._renewals:
            timer.cancel()
        self._renewals.clear()


def same_filters(one: Filters, other: Filters) -> bool:
    """Whether two filters are written alike, but for the order of their keys."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
