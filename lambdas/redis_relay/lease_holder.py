"""The lease, which decides who relays the channels, and the part of an invocation that holds it.

The lease is in Redis, whose order of execution decides everything: see the rules and their proof in
`handover.py`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from realtime_core.telemetry.logs import get_logger
from redis_relay.channels import ChannelMessage
from redis_relay.connection import REPLY_SECONDS, cancel, not_cancelled
from redis_relay.handover import Handover, parse_marker
from redis_relay.settings import CHANNEL_PATTERN, HANDOVER_CHANNEL, LEASE, TOKEN

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

    from redis_relay.channels import ChannelForwarder
    from redis_relay.settings import Timings

log = get_logger(__name__)

POLL_SECONDS = 0.2

# A script, not MULTI: Redis refuses MULTI when it is out of memory.
_READ = """
local holder, ends = redis.call('HGET', KEYS[1], 'holder'), redis.call('HGET', KEYS[1], 'ends')
return { holder, ends, redis.call('GET', KEYS[2]) }
"""

# Takes the lease if its holder and the last token are still those that were read, and publishes the marker in
# the same step. Tokens rise with the clock too, so a flushed Redis does not issue one a second time.
_ACQUIRE = f"""
local holder = redis.call('HGET', KEYS[1], 'holder') or ''
local last = redis.call('GET', KEYS[2]) or '0'
if holder ~= ARGV[2] or last ~= ARGV[3] then return false end
local time = redis.call('TIME')
local token = string.format('%.0f', math.max(tonumber(last) + 1, time[1] * 1000 + math.floor(time[2] / 1000)))
redis.call('SET', KEYS[2], token)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token, 'ends', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', '{HANDOVER_CHANNEL}', cjson.encode({{
  kind = 'taken', holder = ARGV[1], token = token, follows = holder ~= '' and holder ~= ARGV[1] }}))
return token
"""

_RENEW = f"""
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', '{HANDOVER_CHANNEL}', cjson.encode({{ kind = 'beat', holder = ARGV[1] }}))
return 1
"""

_RELEASE = f"""
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', '{HANDOVER_CHANNEL}', cjson.encode({{ kind = 'released', holder = ARGV[1] }}))
return 1
"""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """The lease at one moment: its holder (empty if it is free) and the last token that was issued."""

    holder: str
    token: str
    ends: float
    """When its holder means to end, in epoch seconds."""


class Lease:
    """One invocation's access to the lease. `seconds` is how long it lasts without a renewal.

    `token` is that of its last acquisition, empty before the first.
    """

    def __init__(self, redis: Redis, holder: str, seconds: float, ends: float, token: str) -> None:
        self._redis, self._holder, self._seconds, self._ends = redis, holder, seconds, ends
        self._token = token
        self._in_force_until = 0.0

    @property
    def token(self) -> str:
        """The token of our last acquisition."""
        return self._token

    def in_force(self) -> bool:
        """Whether our lease is in force, by our own clock."""
        return time.monotonic() < self._in_force_until

    async def read(self) -> LeaseState:
        """Read who holds the lease."""
        holder, ends, token = await self._run(_READ)
        return LeaseState((holder or b"").decode(), (token or b"0").decode(), float(ends or 0))

    async def acquire(self, state: LeaseState) -> bool:
        """Take the lease, unless it has changed since `state` was read."""
        sent = time.monotonic()
        token = await self._run(
            _ACQUIRE, self._holder, state.holder, state.token, repr(self._ends), self._milliseconds()
        )
        if token is None:
            return False
        self._token = token.decode()
        self._extend(sent)
        return True

    async def renew(self) -> bool:
        """Extend the lease. Returns False if somebody else has it, or nobody."""
        sent = time.monotonic()
        if not await self._run(_RENEW, self._holder, self._token, self._milliseconds()):
            return False
        self._extend(sent)
        return True

    async def release(self) -> None:
        """Give the lease back; our own subscription receives the marker."""
        await self._run(_RELEASE, self._holder, self._token)

    def _extend(self, sent: float) -> None:
        # Redis counts from when it executed the script, which is later; the tenth covers clock drift.
        self._in_force_until = sent + self._seconds * 0.9

    def _milliseconds(self) -> int:
        return int(self._seconds * 1000)

    async def _run(self, script: str, *arguments: Any) -> Any:
        return await self._redis.eval(script, 2, LEASE, TOKEN, *arguments)


class LeaseHolder:
    """Acquires the lease and, while it holds it, forwards what the channels carry.

    `ends_at` is when the invocation gives up (monotonic).
    """

    def __init__(self, holder: str, channels: ChannelForwarder, timings: Timings, ends_at: float) -> None:
        self._holder, self._channels, self._timings, self._ends_at = holder, channels, timings, ends_at
        self.finished = False
        """Whether the channels were handed over, or given up at the end."""
        self._token = ""
        self._in_doubt: list[ChannelMessage] = []
        """Messages of a subscription that ended while the lease was in doubt."""

    async def needed(self, redis: Redis) -> bool:
        """Whether this invocation has anything to do; always, if it has held the lease before."""
        return bool(self._token) or self._available(await self._lease(redis).read())

    async def run(self, redis: Redis) -> None:
        """Acquire the lease when it is available, and forward until it is handed over or the time is up.

        Raises RedisError, and may then be called again with another connection.
        """
        lease = self._lease(redis)
        while not self.finished and not_cancelled():
            state = await lease.read()
            if self._available(state):
                self._resolve_doubt(state)
                await self._acquire(redis, lease, state)
            elif self._token and time.monotonic() < self._ends_at:
                # Another holder took over, and we saw no marker: wait, since it may be dead.
                await asyncio.sleep(POLL_SECONDS)
                await self._yield_to_live_holder(lease, state)
            else:
                self.finished = True

    async def release(self, redis: Redis) -> None:
        """Free the lease if this invocation still has it, so that no successor waits for its end."""
        if self._token:
            await self._lease(redis).release()

    async def _acquire(self, redis: Redis, lease: Lease, state: LeaseState) -> None:
        """Subscribe before acquiring, so that the subscription has what is published in between."""
        async with redis.pubsub() as pubsub:
            await pubsub.psubscribe(CHANNEL_PATTERN)
            while (await _next_message(pubsub))["type"] != "psubscribe":
                pass

            try:
                if not await lease.acquire(state):
                    return
            except OutOfMemoryError:
                # The stream is read and trimmed at the same time, which may free memory.
                log.warning("redis_out_of_memory", step="lease")
                await asyncio.sleep(1.0)
                return

            self._token = lease.token
            log.info("relay_holds", fence=lease.token, after=state.holder or None)
            await self._forward(pubsub, lease)

    async def _forward(self, pubsub: PubSub, lease: Lease) -> None:
        handover: Handover[ChannelMessage] = Handover(self._holder)
        own_marker = _LastMarker()
        renewal = asyncio.create_task(self._keep_lease(lease, handover, own_marker))
        try:
            while not handover.closed and not_cancelled():
                if renewal.done():
                    renewal.result()
                message = await pubsub.get_message(timeout=POLL_SECONDS)
                if message is not None and message["type"] == "pmessage":
                    self._receive(message, handover, lease, own_marker)
            self.finished = handover.closed
        finally:
            await cancel(renewal)
            self._in_doubt = handover.end()

    def _receive(
        self,
        message: dict[str, Any],
        handover: Handover[ChannelMessage],
        lease: Lease,
        own_marker: _LastMarker,
    ) -> None:
        if message["channel"] != HANDOVER_CHANNEL.encode():
            received = ChannelMessage(message["channel"], message["data"], time.monotonic())
            size = len(received.data)
            if not handover.has_room(size):
                self._channels.lose(received, "too much came while the relay's lease was in doubt")
                return
            forward = handover.receive(received, in_force=lease.in_force(), size=size)
        else:
            marker = parse_marker(message["data"])
            if marker is None:
                log.warning("foreign_marker_ignored")
                return
            if marker.holder == self._holder:
                own_marker.at = time.monotonic()
            forward = handover.apply(marker)
            if handover.closed:
                log.info("relay_handed_over", to=marker.holder, kind=marker.kind)

        for channel_message in forward:
            self._channels.enqueue(channel_message)

    async def _keep_lease(
        self, lease: Lease, handover: Handover[ChannelMessage], own_marker: _LastMarker
    ) -> None:
        """Renew the lease, check that the subscription receives it, and release it when the time is up."""
        while not_cancelled():
            left = self._ends_at - time.monotonic()
            await asyncio.sleep(max(0.0, min(self._timings.renew, left)))

            if time.monotonic() >= self._ends_at:
                await lease.release()
                await asyncio.sleep(REPLY_SECONDS)
                raise RedisConnectionError("the subscription did not receive the release of the lease")
            if time.monotonic() - own_marker.at > self._timings.lease:
                raise RedisConnectionError("the subscription has gone quiet")

            if await lease.renew():
                for message in handover.renewed():
                    self._channels.enqueue(message)
            elif not (state := await lease.read()).holder and await lease.acquire(state):
                # It expired or was flushed, and nobody took it; the marker decides on what was held back.
                self._token = lease.token
                log.warning("lease_taken_again", fence=lease.token)

    def _lease(self, redis: Redis) -> Lease:
        ends = time.time() + (self._ends_at - time.monotonic())
        return Lease(redis, self._holder, self._timings.lease, ends, self._token)

    def _available(self, state: LeaseState) -> bool:
        return state.holder in {"", self._holder} or state.ends - time.time() < self._timings.handover

    def _resolve_doubt(self, state: LeaseState) -> None:
        """Forward what was in doubt if no token was issued since; otherwise another holder had the lease."""
        in_doubt, self._in_doubt = self._in_doubt, []
        for message in in_doubt:
            if state.token == self._token:
                self._channels.enqueue(message)
            else:
                self._channels.lose(message, "the lease was in doubt when it came")

    async def _yield_to_live_holder(self, lease: Lease, state: LeaseState) -> None:
        """Wait as long as a dead holder's lease may last; if it is still held then, its holder is alive."""
        until = time.monotonic() + self._timings.lease
        while time.monotonic() < until:
            if self._available(await lease.read()):
                return
            await asyncio.sleep(POLL_SECONDS)
        log.info("relay_gives_way", to=state.holder)
        self.finished = True


class _LastMarker:
    """When the subscription last received a marker of our own (monotonic)."""

    def __init__(self) -> None:
        self.at = time.monotonic()


async def _next_message(pubsub: PubSub) -> dict[str, Any]:
    message = await pubsub.get_message(timeout=REPLY_SECONDS)
    if message is None:
        raise RedisConnectionError("Redis did not confirm a subscription")
    return dict(message)
