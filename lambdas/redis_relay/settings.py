"""Settings of the redis_relay function: its environment, its timings, and the names it uses in Redis."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_core.errors import SettingsInvalid
from realtime_core.redis.settings import RedisAddress, RedisSettings
from realtime_core.settings import LoggingSettings, text, whole

# All names begin with `deals:`, so one access rule covers them. Keys and channels are separate namespaces in
# Redis: the stream `deals:events` and the channel of a topic `events` do not collide.
CHANNEL_PREFIX = "deals:"
CHANNEL_PATTERN = CHANNEL_PREFIX + "*"
HANDOVER_CHANNEL = CHANNEL_PREFIX + "@relay"
"""The only channel that is not a topic's: a topic has no `@`."""

STREAM = "deals:events"
GROUP = "relay"
DEAD_LETTERS = "deals:events:dead"

LEASE = "deals:relay:lease"
TOKEN = "deals:relay:token"  # noqa: S105 - a key's name
FAULTS = "deals:relay:faults"


class Settings(LoggingSettings, RedisSettings):
    """See `realtime_core.settings.read`."""

    broadcast_function: str = text()
    """Name or ARN of the function that publishes events."""
    relay_seconds: int = whole(minimum=150, maximum=870, default=840)
    """How long one invocation relays: less than its timeout, to leave time to finish."""
    relay_parallel: int = whole(minimum=1, maximum=100, default=4)
    """Channel messages, and as many stream entries, that `broadcast` is publishing at the same time."""
    stream_keep_seconds: int = whole(minimum=0, maximum=7 * 24 * 60 * 60, default=300)
    """How long an entry stays in the stream after every consumer group has processed it."""

    @property
    def address(self) -> RedisAddress:
        """Where Redis is. Raises SettingsInvalid if that is not set."""
        if self.redis_url is None:
            raise SettingsInvalid("REDIS_URL is not set; set it to rediss://HOST:PORT")
        return self.redis_url


@dataclass(frozen=True, kw_only=True)
class Timings:
    """The timings of one invocation, in seconds; tests use shorter ones."""

    relay: float = 840
    """How long it relays, unless a successor takes over earlier."""
    handover: float = 90
    """How long before its end a successor may take over; the schedule starts one each minute."""
    drain: float = 45
    """How long it may take afterwards to finish the messages it has accepted."""
    lease: float = 15
    """How long the lease outlives a holder that died."""
    renew: float = 4
    """Interval between two renewals of the lease."""
    stream_keep: float = 300
    """How long an entry stays in the stream after every consumer group has processed it."""
    claim_idle: float = 60
    """How long an entry is pending before another consumer claims it: longer than `broadcast` may take."""
    consumer_idle: float = 120
    """How long a consumer is silent before it is deleted."""
    maintain: float = 5
    """Interval between two runs of the stream's maintenance."""
    retry_base: float = 0.2
    """Delay before the first retry of an entry."""
    retry_cap: float = 10
    """Longest delay between two retries of an entry."""
    metrics: float = 15
    """Interval between two publications of the metrics."""
    reconnect_cap: float = 5
    """Longest delay between two connection attempts."""
