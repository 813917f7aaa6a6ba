"""The order of requests for one topic: the one that API Gateway received last is in force.

Frames of a connection are worked off side by side, so an earlier request may finish later. Each subscription
has the time of its request, and an unsubscribe leaves its own behind. A request that finds a later one does
nothing: its reply is what it would have been, had it been worked off in time.

An unsubscribe is remembered for a minute, twice as long as any request can take, and at most 20 are. The
latest time of those that were dropped remains. A subscribe that was received before that is refused, since it
cannot know of whether its topic was unsubscribed from meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import SubscriptionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtime_core.connections.base import Connection

REMEMBERED_MS = 60_000
"""Outside limit: API Gateway waits 29 s for an answer, and the router's function ends then too."""
REMEMBERED_MAX = 20
"""With topics of 64 characters they take 1.5 KB of the record, whose writes cost by the KB."""


def in_force_since(connection: Connection, topic: str) -> int:
    """When the request for this topic that is in force was received, epoch milliseconds; 0 if unknown."""
    subscription = connection.subscriptions.get(topic)
    return subscription.received_ms if subscription else connection.unsubscribed.get(topic, 0)


def received_last(connection: Connection, topic: str) -> int:
    """A time that no request for this topic is later than: for callers who know of no order."""
    return max(in_force_since(connection, topic), connection.unsubscribed_before)


def is_overtaken(connection: Connection, topic: str, received_ms: int) -> bool:
    """Whether a request that was received later is in force already."""
    return received_ms < in_force_since(connection, topic)


def is_forgotten(connection: Connection, topic: str, received_ms: int) -> bool:
    """Whether an unsubscribe that was received later may have been dropped."""
    known = topic in connection.subscriptions or topic in connection.unsubscribed
    return not known and received_ms < connection.unsubscribed_before


def check_not_forgotten(connection: Connection, topic: str, received_ms: int) -> None:
    """Raise SubscriptionFailed for a subscribe that may have been overtaken by an unsubscribe."""
    if is_forgotten(connection, topic, received_ms):
        raise SubscriptionFailed(
            "The subscription took too long, and later requests overtook it; try again", {"reason": "store"}
        )


def to_drop(connection: Connection, topic: str, received_ms: int) -> Mapping[str, int]:
    """The unsubscribes to drop when another, of `topic`, is remembered: those of long ago, and the oldest."""
    others = {name: at for name, at in connection.unsubscribed.items() if name != topic}
    oldest_first = sorted(others, key=lambda name: others[name])
    too_many = set(oldest_first[: max(0, len(others) + 1 - REMEMBERED_MAX)])
    return {
        name: others[name]
        for name in oldest_first
        if name in too_many or others[name] < received_ms - REMEMBERED_MS
    }
