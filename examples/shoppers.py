"""The people of the demo: what each subscribes to, and the same wish in plain Python."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deals_client import DealsClient, Event, Message, MessageStatus

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Shopper:
    """A person of the demo: the subscriptions, and the same wish in plain Python (`wants`)."""

    name: str
    colour: str
    wish: str
    subscriptions: list[dict[str, Any]]
    wants: Callable[[str, dict[str, Any]], bool]
    client: DealsClient | None = None
    events: asyncio.Queue[tuple[Event, float]] = field(default_factory=asyncio.Queue)
    """Events, each with the monotonic time at which it came."""
    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    receipts: asyncio.Queue[MessageStatus] = field(default_factory=asyncio.Queue)
    latencies: dict[str, float] = field(default_factory=dict)
    """Of each event received, by event id: milliseconds from the publish call to the handler."""
    topics: set[str] = field(default_factory=set)
    """The topics of all events received."""
    repeats: int = 0

    def take(self, event: Event) -> None:
        """Take an event as it comes."""
        self.topics.add(event.topic)
        self.events.put_nowait((event, time.monotonic()))

    @property
    def connected(self) -> DealsClient:
        """The client, after `connect`."""
        assert self.client is not None  # noqa: S101 - an error in this demo
        return self.client


def build_shoppers() -> list[Shopper]:
    """Return Ann, Ben and Cho."""
    return [
        Shopper(
            "Ann",
            "cyan",
            "electronics with at least 25 % off",
            [{"topic": "all-deals", "filters": {"category": "electronics", "minDiscount": 25}}],
            lambda _topic, deal: deal["category"] == "electronics" and deal["discountPercentage"] >= 25,
        ),
        Shopper(
            "Ben",
            "magenta",
            "flights and hotels up to 400",
            [
                {"topic": "travel.flights", "filters": {"maxPrice": 400}},
                {"topic": "travel.hotels", "filters": {"maxPrice": 400}},
            ],
            lambda topic, deal: topic.startswith("travel.") and deal["price"] <= 400,
        ),
        Shopper(
            "Cho",
            "yellow",
            "anything under 100, in stock, in a flash sale or shipped free",
            [
                {
                    "topic": "all-deals",
                    "filters": {"price": {"lt": 100}, "inStock": True, "tags": ["flash", "free-shipping"]},
                }
            ],
            lambda _topic, deal: (
                deal["price"] < 100
                and deal["inStock"]
                and bool({"flash", "free-shipping"} & set(deal.get("tags", [])))
            ),
        ),
    ]


def expected_events(shopper: Shopper, feed: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the events that the shopper should receive."""
    return {deal["eventId"] for deal in feed if shopper.wants(deal["topic"], deal["data"])}
