"""Relays, a real Redis with TLS and a password, and a Lambda endpoint that stands in for `broadcast`."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from local_cloud.redis import RedisServer
from realtime_core.redis.credentials import RedisCredentials
from realtime_core.redis.settings import parse_redis_url
from redis_relay.broadcast_client import BroadcastClient, lambda_client
from redis_relay.connection import connect
from redis_relay.relay import Relay
from redis_relay.settings import DEAD_LETTERS, LEASE, STREAM, Timings
from tests.contract.redis_access.access import create_user
from tests.contract.redis_relay.lambda_endpoint import lambda_endpoint

QUICK = Timings(
    relay=30, handover=1, drain=5, lease=8, renew=0.5, stream_keep=0, claim_idle=0.5, consumer_idle=0.5,
    maintain=0.1, retry_base=0.02, retry_cap=0.2, metrics=60, reconnect_cap=0.3,
)  # fmt: skip


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with RedisServer.start(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(redis_server, monkeypatch):
    """The server, running and empty."""
    if redis_server.authorities:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(redis_server.authorities))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client_of(redis_server).flushall()
    return redis_server


def client_of(server):
    trusted = {"ssl_ca_certs": server.authorities} if server.authorities else {}
    return redis.Redis.from_url(server.url, password=server.password, decode_responses=True, **trusted)


@pytest.fixture
def publisher(server):
    """A client for a publisher, with all rights."""
    with client_of(server) as client:
        yield client


@pytest.fixture
def broadcast():
    with lambda_endpoint() as endpoint:
        yield endpoint


class FixedCredentials:
    """The credentials that the relays of a test use; a test may change them."""

    def __init__(self, password, username=None):
        self.username, self.password = username, password

    def credentials(self):
        return RedisCredentials(self.username, self.password)


class Relays:
    """Starts relays as the schedule does, with the rights that they have on AWS."""

    def __init__(self, server, broadcast):
        with client_of(server) as operator:
            self.password = FixedCredentials(
                server.password, create_user(operator, "redis_relay", server.password)
            )
        self.metrics = {}
        self.relays = []
        self.tasks = []
        self._address = parse_redis_url(server.url)
        functions = lambda_client(endpoint_url=broadcast.url, attempts=1, read_timeout=5)
        self._broadcast = BroadcastClient(functions, "broadcast")
        self._pool = ThreadPoolExecutor(64)

    def start(self, parallel=4, **timings):
        """Start a relay; returns its task, which ends with the outcome."""
        relay = Relay(
            lambda: connect(self._address, self.password), self._broadcast, self._pool,
            replace(QUICK, **timings), parallel=parallel, emit=self._add_metrics,
        )  # fmt: skip
        task = asyncio.create_task(relay.run())
        task.relay = relay
        self.relays.append(relay)
        self.tasks.append(task)
        return task

    def _add_metrics(self, metrics):
        for metric, value in metrics:
            self.metrics[metric.name] = self.metrics.get(metric.name, 0) + value

    async def end(self):
        for task in self.tasks:
            task.cancel()
        _, left = await asyncio.wait(self.tasks, timeout=5)
        if left:
            import sys

            for task in asyncio.all_tasks():
                task.print_stack(file=sys.__stderr__)
            raise AssertionError(left)
        self._pool.shutdown(wait=False)


@pytest.fixture
async def relays(server, broadcast):
    started = Relays(server, broadcast)
    yield started
    await started.end()


async def until(condition, within=30.0):
    """Poll a condition until it holds; returns its value."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.02)
    return value


async def wait_for_lease(publisher, task):
    """Wait until this relay has the lease, and has received its marker."""
    await until(lambda: publisher.hget(LEASE, "holder") == task.relay.holder)
    await asyncio.sleep(0.05)


def deal(number=1, **more):
    return {"messageType": "dealUpdate", "data": {"n": number}, **more}


def add(publisher, number=1, **more):
    """Add an event to the stream; returns the entry's id."""
    return publisher.xadd(STREAM, {"event": json.dumps(deal(number, **more))})


def dead_letters(publisher):
    return [fields for _, fields in publisher.xrange(DEAD_LETTERS)]
