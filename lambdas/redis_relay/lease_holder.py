"""Holding the lease and, while it is held, forwarding what the channels carry: the hand-over with its I/O."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from realtime_core.logs import get_logger
from redis_relay.channels import Message
from redis_relay.connection import ANSWER_SECONDS
from redis_relay.handover import Gate, read_marker
from redis_relay.lease import Lease
from redis_relay.names import CHANNELS, HANDOVER
from redis_relay.tasks import end, going_on

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

    from redis_relay.channels import Channels
    from redis_relay.lease import Seen
    from redis_relay.times import Times

log = get_logger(__name__)

POLL_SECONDS = 0.2


class Holding:
    """The part of an invocation that has to do with the lease. `ends_at` is when it gives up (monotonic)."""

    def __init__(self, holder: str, channels: Channels, times: Times, ends_at: float) -> None:
        self._holder, self._channels, self._times, self._ends_at = holder, channels, times, ends_at
        self.over = False
        """Whether the channels were handed over, or given up at the end."""
        self._token = ""
        self._doubtful: list[Message] = []
        """What came while the lease was in doubt, by a subscription that has ended."""

    async def wanted(self, redis: Redis) -> bool:
        """Whether this invocation has anything to do. One that has relayed before has: it may get on."""
        return bool(self._token) or self._free_for_us(await self._lease(redis).look())

    async def hold(self, redis: Redis) -> None:
        """Take the lease when it can be had, and forward until it is somebody else's or the time is up."""
        lease = self._lease(redis)
        while not self.over and going_on():
            seen = await lease.look()
            if self._free_for_us(seen):
                self._settle_doubtful(seen)
                await self._try(redis, lease, seen)
            elif self._token and time.monotonic() < self._ends_at:
                # Somebody else's, and not by a hand-over that was seen: wait, it may be dead.
                await asyncio.sleep(POLL_SECONDS)
                await self._give_way_to_the_living(lease, seen)
            else:
                self.over = True

    async def _try(self, redis: Redis, lease: Lease, seen: Seen) -> None:
        """Subscribe first, then take the lease: what is published in between is in the subscription."""
        async with redis.pubsub() as pubsub:
            await pubsub.psubscribe(CHANNELS)
            while (await _next(pubsub))["type"] != "psubscribe":
                pass
            try:
                if not await lease.take(seen):
                    return
            except OutOfMemoryError:
                # The stream is being read and trimmed meanwhile, which may make room.
                log.warning("redis_out_of_memory", step="lease")
                await asyncio.sleep(1.0)
                return
            self._token = lease.token
            log.info("relay_holds", fence=lease.token, after=seen.holder or None)
            await self._forward(pubsub, lease)

    async def _forward(self, pubsub: PubSub, lease: Lease) -> None:
        gate: Gate[Message] = Gate(self._holder)
        heard = _Heard()
        renewing = asyncio.create_task(self._renew(lease, gate, heard))
        try:
            while not gate.closed and going_on():
                if renewing.done():
                    renewing.result()
                message = await pubsub.get_message(timeout=POLL_SECONDS)
                if message is not None and message["type"] == "pmessage":
                    self._sort(message, gate, lease, heard)
            self.over = gate.closed
        finally:
            await end(renewing)
            self._doubtful = gate.leave()

    def _sort(self, message: dict[str, Any], gate: Gate[Message], lease: Lease, heard: _Heard) -> None:
        if message["channel"] != HANDOVER.encode():
            came = Message(message["channel"], message["data"], time.monotonic())
            forward = gate.message(came, trusted=lease.trusted())
        else:
            marker = read_marker(message["data"])
            if marker is None:
                log.warning("foreign_marker_ignored")
                return
            if marker.holder == self._holder:
                heard.at = time.monotonic()
            forward = gate.marker(marker)
            if gate.closed:
                log.info("relay_handed_over", to=marker.holder, kind=marker.kind)
        for one in forward:
            self._channels.offer(one)

    async def _renew(self, lease: Lease, gate: Gate[Message], heard: _Heard) -> None:
        """Keep the lease, and see that the subscription hears of it; release it when the time is up."""
        while going_on():
            left = self._ends_at - time.monotonic()
            await asyncio.sleep(max(0.0, min(self._times.renew, left)))
            if time.monotonic() >= self._ends_at:
                await lease.release()
                await asyncio.sleep(ANSWER_SECONDS)
                raise RedisConnectionError("the release of the lease was not heard of")
            if time.monotonic() - heard.at > self._times.lease:
                raise RedisConnectionError("the subscription has gone quiet")
            if await lease.renew():
                for message in gate.trust():
                    self._channels.offer(message)
            elif not (seen := await lease.look()).holder and await lease.take(seen):
                # It ran out, or was flushed, and nobody took it: the marker tells whether that is so.
                self._token = lease.token
                log.warning("lease_taken_again", fence=lease.token)

    def _lease(self, redis: Redis) -> Lease:
        ends = time.time() + (self._ends_at - time.monotonic())
        return Lease(redis, self._holder, self._times.lease, ends)

    def _free_for_us(self, seen: Seen) -> bool:
        return seen.holder in {"", self._holder} or seen.ends - time.time() < self._times.handover

    def _settle_doubtful(self, seen: Seen) -> None:
        """Forward what was in doubt if no lease was given out since; else somebody has had it."""
        doubtful, self._doubtful = self._doubtful, []
        for message in doubtful:
            if seen.token == self._token:
                self._channels.offer(message)
            else:
                self._channels.lose(message, "the lease was in doubt when it came")

    async def _give_way_to_the_living(self, lease: Lease, seen: Seen) -> None:
        """Wait for as long as a dead holder's lease may last; then it is a living one's."""
        until = time.monotonic() + self._times.lease
        while time.monotonic() < until:
            now = await lease.look()
            if self._free_for_us(now):
                return
            await asyncio.sleep(POLL_SECONDS)
        log.info("relay_gives_way", to=seen.holder)
        self.over = True


class _Heard:
    """When the own voice was heard last, by the subscription (monotonic)."""

    def __init__(self) -> None:
        self.at = time.monotonic()


async def _next(pubsub: PubSub) -> dict[str, Any]:
    message = await pubsub.get_message(timeout=ANSWER_SECONDS)
    if message is None:
        raise RedisConnectionError("a subscription was not confirmed")
    return dict(message)
