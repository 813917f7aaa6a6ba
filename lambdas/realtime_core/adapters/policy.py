"""What every adapter of a port and its twin must agree on: lifetimes, and the order of statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.domain.jsontext import byte_length
from realtime_core.domain.lifetimes import CONNECTION_LIFETIME_SECONDS, DAY_SECONDS
from realtime_core.errors import SubscriptionFailed

if TYPE_CHECKING:
    from realtime_core.domain.limits import Limit
    from realtime_core.domain.model import Connection, Message, MessageStatus

MAX_SUBSCRIPTIONS = 50
"""Of one connection, where its adapter is not told otherwise."""

FILTER_BYTES_TOGETHER_MAX = 96 * 1024
"""Of all subscriptions of a connection: `getStatus` lists them in one message, which may have 128 KB."""

RECORD_MARGIN_SECONDS = 10 * 60
"""How long a record outlives the longest connection, so that what comes late still finds it."""

REGISTRY_LIFETIME_SECONDS = 3 * 60 * 60
"""How long a group is listed after the last subscriber: the two hours of a connection, and slack."""

REGISTRY_MARGIN_SECONDS = 10 * 60
"""A group that is listed for no longer than this is listed anew: clocks differ."""

ANNOUNCEMENT_LIFETIME_SECONDS = 60 * 60
"""How long it can be read which groups are new; readers read all of them anew more often than that."""

REPEAT_LIFETIME_SECONDS = 24 * 60 * 60
"""How long a request id stands for what was stored the first time."""

STATUS_ORDER: dict[MessageStatus, int] = {"sent": 0, "delivered": 1, "read": 2}


def record_expires_at(connection: Connection) -> int:
    """When the record, and every membership of the connection, may be swept."""
    return connection.connected_at + CONNECTION_LIFETIME_SECONDS + RECORD_MARGIN_SECONDS


def refuse_too_much(connection: Connection, topic: str, canonical_filter: str, most: int) -> None:
    """Raise SubscriptionFailed where this subscription would be one too many, or all together too large."""
    others = [one for one in connection.subscriptions.values() if one.topic != topic]
    if len(others) >= most:
        raise SubscriptionFailed(
            f"This connection has its maximum of {most} subscriptions; end one of them first"
        )
    size = byte_length(canonical_filter) + sum(byte_length(one.filter) for one in others)
    if size > FILTER_BYTES_TOGETHER_MAX:
        raise SubscriptionFailed(
            f"The filters of this connection's subscriptions would take {size} bytes; at most "
            f"{FILTER_BYTES_TOGETHER_MAX} are allowed together; end one of them first"
        )


def reachable_until(token_exp: int, expires_at: int) -> int:
    """Until when a connection may be posted to: its token's end or, sooner, its record's.

    DynamoDB sweeps up to two days late, so by a token of days the dead would be posted to for that long.
    """
    return min(token_exp, expires_at)


def bucket_expires_at(limit: Limit, now: int) -> int:
    """When a bucket that a token was taken from now (epoch microseconds) may be swept: long full again."""
    return (now + limit.tolerance + limit.interval) // 1_000_000 + 60 * 60


def entry_expires_at(message: Message, retention_days: int) -> int:
    """When an inbox entry is gone."""
    return message.created_at + retention_days * DAY_SECONDS
