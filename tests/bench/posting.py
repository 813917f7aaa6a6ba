"""Posting to connections: our engine, the guide's loop, fifty boto3 threads, and wrk, on one core each.

The sink is nginx with TLS on another core, which answers at once or after 10 ms. Rounds are interleaved. The
guide reads its pages from memory, so that its scan does not count.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from realtime_core.push.management_api.client import ManagementApiClient
from tests.bench.baseline import guide, threads
from tests.bench.report import Ratio, Report, Skipped
from tests.bench.sink import SERVICE_MS, Sink, missing, on_first_core, sink

TITLE = "Posting over TLS, one core"
PAYLOAD_BYTES = 200
PAYLOAD = "x" * PAYLOAD_BYTES
SLOW = f"{SERVICE_MS} ms"
AMPLE_SECONDS = 60.0
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE_SECONDS",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-forty-characters-or-so------",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much one round posts, by variant."""

    rounds: int
    engine: int
    serial: int
    threads: int
    wrk_seconds: float


FULL = Sizes(rounds=7, engine=20_000, serial=400, threads=800, wrk_seconds=2)
QUICK = Sizes(rounds=2, engine=5_000, serial=100, threads=300, wrk_seconds=1)


class Table:
    """The guide's table, in memory."""

    def __init__(self, connection_ids: list[str]) -> None:
        subscriptions = {"deals": {"filters": {}}}
        self.items = [{"connectionId": item, "subscriptions": subscriptions} for item in connection_ids]

    def scan(self) -> dict[str, Any]:
        """Return all items as one page."""
        return {"Items": self.items}


@dataclass(slots=True)
class Rates:
    """Posts a second by variant, one figure a round."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, variant: str, count: int, run: Callable[[], int]) -> None:
        """Run a variant, which must reach all of `count`, and record its rate."""
        started = time.perf_counter()
        reached = run()
        took = time.perf_counter() - started
        assert reached == count, f"{variant} reached {reached} of {count}"
        self.of.setdefault(variant, []).append(count / took)

    def ratio(
        self, name: str, better: str, worse: str, target: float | None = None, aim: float | None = None
    ) -> Ratio:
        """Return how many times faster one variant was than the other."""
        rounds = zip(self.of[better], self.of[worse], strict=True)
        return Ratio(name, tuple(a / b for a, b in rounds), target, aim)


def run(*, quick: bool) -> Report | Skipped:
    """Measure; needs nginx and wrk."""
    if lacking := missing():
        return Skipped(TITLE, lacking)
    sizes = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder, _environment(), sink(Path(folder)) as to, on_first_core():
        os.environ["AWS_CA_BUNDLE"] = str(to.certificate)
        return _measure(to, sizes)


@dataclass(frozen=True, slots=True)
class Place:
    """One endpoint of the sink, and clients of it whose connections are already open."""

    name: str
    endpoint: str
    wrk_connections: int
    poster: ManagementApiClient
    management: Any


def _measure(to: Sink, sizes: Sizes) -> Report:
    notes = [f"bodies of {PAYLOAD_BYTES} bytes; nginx, one worker, on the other core"]
    places = [_place("at once", to.at_once, 64)]
    if to.slow:
        places.append(_place(SLOW, to.slow, 400))
    else:
        notes.append(f"nothing at {SLOW}: apt-get install libnginx-mod-http-echo")

    rates, cpu = Rates(), Rates()
    for _ in range(sizes.rounds):
        for place in places:
            _round(place, to, sizes, rates, cpu)
        table = Table(_ids(sizes.serial))
        management = places[0].management
        started = time.process_time()
        event = {"x": PAYLOAD}
        rates.measure("guide", sizes.serial, lambda: guide.broadcast(table, management, "deals", event))  # noqa: B023
        cpu.of.setdefault("guide", []).append(sizes.serial / (time.process_time() - started))

    absolutes = {f"{name}, posts/s": tuple(rounds) for name, rounds in rates.of.items()}
    absolutes |= {
        f"{name}, CPU us a post": tuple(1e6 / figure for figure in figures)
        for name, figures in cpu.of.items()
    }
    return Report(TITLE, tuple(_ratios(places, rates, cpu)), absolutes, tuple(notes))


def _place(name: str, endpoint: str, wrk_connections: int) -> Place:
    place = Place(name, endpoint, wrk_connections, ManagementApiClient(endpoint), _boto3(endpoint))
    place.poster.post(PAYLOAD, _ids(2_000), AMPLE_SECONDS)
    threads.post(place.management, PAYLOAD, _ids(200))
    return place


def _round(place: Place, to: Sink, sizes: Sizes, rates: Rates, cpu: Rates) -> None:
    name, ids, few, thousand = place.name, _ids(sizes.engine), _ids(sizes.threads), _ids(1_000)
    started = time.process_time()
    rates.measure(f"engine, {name}", len(ids), lambda: _engine(place.poster, ids))
    cpu.of.setdefault(f"engine, {name}", []).append(len(ids) / (time.process_time() - started))
    rates.of.setdefault(f"wrk, {name}", []).append(
        to.wrk(
            place.endpoint, connections=place.wrk_connections, seconds=sizes.wrk_seconds, size=PAYLOAD_BYTES
        )
    )
    rates.measure(f"50 threads, {name}", len(few), lambda: threads.post(place.management, PAYLOAD, few))
    cold, management = ManagementApiClient(place.endpoint), _boto3(place.endpoint)
    rates.measure(f"engine from nothing, {name}", 1_000, lambda: _engine(cold, thousand))
    rates.measure(
        f"50 threads from nothing, {name}", 1_000, lambda: threads.post(management, PAYLOAD, thousand)
    )


def _ratios(places: list[Place], rates: Rates, cpu: Rates) -> Iterator[Ratio]:
    yield rates.ratio("engine / the guide's loop, at once", "engine, at once", "guide", 30, 40)
    yield cpu.ratio("the same by CPU time", "engine, at once", "guide")
    yield rates.ratio("engine / wrk, at once", "engine, at once", "wrk, at once", 0.45, 0.65)
    for place in places:
        name = place.name
        target = 25 if name == SLOW else None
        yield rates.ratio(f"engine / 50 threads, {name}", f"engine, {name}", f"50 threads, {name}", target)
    for place in places:
        name = place.name
        cold, pool = f"engine from nothing, {name}", f"50 threads from nothing, {name}"
        yield rates.ratio(f"1,000 from nothing / 50 threads, {name}", cold, pool, 5)
    if any(place.name == SLOW for place in places):
        yield rates.ratio(f"engine / wrk, {SLOW}", f"engine, {SLOW}", f"wrk, {SLOW}")


def _engine(poster: ManagementApiClient, ids: list[str]) -> int:
    return len(poster.post(PAYLOAD, ids, AMPLE_SECONDS).delivered)


def _ids(count: int) -> list[str]:
    return [f"L0SM{number:08}FvH=" for number in range(count)]


def _boto3(endpoint: str) -> Any:
    config = Config(max_pool_connections=threads.THREADS)
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(CREDENTIALS)
    os.environ.pop("AWS_SESSION_TOKEN", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
