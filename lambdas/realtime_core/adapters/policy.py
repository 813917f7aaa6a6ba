"""What every adapter of a port and its twin must agree on: lifetimes, and the order of statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.domain.lifetimes import CONNECTION_LIFETIME_SECONDS, DAY_SECONDS

if TYPE_CHECKING:
    from realtime_core.domain.limits import Limit
    from realtime_core.domain.model import Connection, Message, MessageStatus

MAX_SUBSCRIPTIONS = 50
"""Of one connection, where its adapter is not told otherwise."""

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
