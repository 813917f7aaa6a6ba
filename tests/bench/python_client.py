"""The Python client: processor time of a frame, memory of subscriptions, and 500 clients that come back.

The baseline of a frame is the least that any client does: to take it from the socket and parse it.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import tracemalloc
from collections import Counter

from clients.conformance.drivers.manual_clock import ManualClock, settle
from clients.conformance.runner.service import Peer, Service
from deals_client import DealsClient, Event, HandshakeRefused
from tests.bench.memory_socket import MemorySocket
from tests.bench.report import Ratio, Report

TITLE = "The Python client"
TOPIC = "electronics.laptops"
FRAMES_TARGET = 0.1
"""Of the frames that a loop of `json.loads` takes."""
CLIENTS = 500
ADMITTED_PER_SECOND = 50


def run(*, quick: bool) -> Report:
    """Measure all three."""
    rounds, frames = (3, 5_000) if quick else (7, 20_000)
    ratios, per_second = [], []
    for _ in range(rounds):
        bare = asyncio.run(_read_bare(frames))
        client = asyncio.run(_read_by_client(frames))
        ratios.append(bare / client)
        per_second.append(frames / client)
    storm = asyncio.run(_return_at_once(random.Random(7)))
    return Report(
        title=TITLE,
        ratios=(Ratio("frames a second, of a bare loop of json.loads", tuple(ratios), target=FRAMES_TARGET),),
        absolutes={
            "frames a second of a core": tuple(per_second),
            "a subscription (KB)": (asyncio.run(_measure_subscriptions(1_000)),),
            f"{CLIENTS} clients back, {ADMITTED_PER_SECOND} admitted a second (s)": (storm[0],),
            "attempts in the busiest second": (storm[1],),
            "attempts of a client": (storm[2],),
        },
        notes=(
            "A frame is an event of 300 bytes for one subscription with two conditions; no network.",
            "The clients lose their connections at one moment; the time is the clock's, not this machine's.",
        ),
    )


def _frames(service: Service, count: int) -> list[str]:
    data = {"title": "Laptop", "price": 700, "brand": "x", "text": "y" * 150}
    return [json.dumps(service.add_event(TOPIC, data, None, "dealUpdate", None)) for _ in range(count)]


async def _read_bare(count: int) -> float:
    """Return the seconds of the processor that a loop takes."""
    service = Service()
    socket = MemorySocket(service, Peer(1, "t", 0))
    for text in _frames(service, count):
        socket.push(text)
    started = time.process_time()
    for _ in range(count):
        json.loads(await socket.receive())
    return time.process_time() - started


async def _read_by_client(count: int) -> float:
    service, sockets, done = Service(), [], asyncio.Event()
    left = count

    def take(_event: Event) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    async def open_socket(_url: str, token: str) -> MemorySocket:
        sockets.append(MemorySocket(service, Peer(1, token, service.now + 3600)))
        return sockets[-1]

    client = DealsClient("wss://x/s", lambda _reason: "t", open_socket=open_socket, clock=ManualClock())
    await client.connect()
    filters = {"price": {"lt": 900}, "brand": ["x", "z"]}
    await client.subscribe(TOPIC, filters=filters, on_event=take).ready()
    texts = _frames(service, count)
    started = time.process_time()
    for text in texts:
        sockets[0].push(text)
    await done.wait()
    seconds = time.process_time() - started
    await client.close()
    return seconds


async def _measure_subscriptions(count: int) -> float:
    """Return the KB of memory that a subscription takes, with 100 events each."""
    service = Service()

    async def open_socket(_url: str, token: str) -> MemorySocket:
        return MemorySocket(service, Peer(1, token, service.now + 3600))

    clock = ManualClock()
    client = DealsClient("wss://x/s", lambda _reason: "t", open_socket=open_socket, clock=clock)
    await client.connect()
    tracemalloc.start()
    held = [client.subscribe(f"t{number}") for number in range(count)]
    await clock.advance(count / 2)
    assert all(one.state == "live" for one in held)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await client.close()
    return size / count / 1024


async def _return_at_once(dice: random.Random) -> tuple[float, float, float]:
    """Return the seconds until all clients are back, the attempts in the busiest second, and of a client."""
    clock, service, sockets = ManualClock(), Service(), []
    attempts: Counter[int] = Counter()
    admitted: Counter[int] = Counter()

    async def open_socket(_url: str, token: str) -> MemorySocket:
        second = int(clock.monotonic())
        attempts[second] += 1
        if clock.monotonic() > 0 and admitted[second] >= ADMITTED_PER_SECOND:
            raise HandshakeRefused(429)
        admitted[second] += 1
        sockets.append(MemorySocket(service, Peer(1, token, service.now + 36_000)))
        return sockets[-1]

    clients = [
        DealsClient(
            "wss://x/s", lambda _reason: "t", open_socket=open_socket, clock=clock, random=dice.random
        )
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(client.connect() for client in clients))
    attempts.clear()
    admitted.clear()
    await clock.advance(30)
    begun = clock.monotonic()
    for socket in sockets:
        socket.drop()
    await settle()
    while any(client.state != "connected" for client in clients):
        await clock.advance(0.25)
    figures = clock.monotonic() - begun, float(max(attempts.values())), attempts.total() / CLIENTS
    await asyncio.gather(*(client.close() for client in clients))
    return figures
