"""Relays, a real Redis with TLS and a password, and a Lambda endpoint that plays `broadcast`."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from local_cloud.redis import RedisServer
from realtime_core.adapters.aws_lambda import lambda_client
from realtime_core.redis.credentials import RedisCredentials
from realtime_core.redis.settings import parse_redis_url
from redis_relay.broadcasting import BroadcastFunction
from redis_relay.connecting import connect
from redis_relay.names import DEAD_LETTERS, LEASE, STREAM
from redis_relay.relay import Relay
from redis_relay.times import Times
from tests.contract.redis_access.access import admitted
from tests.contract.relay.lambda_endpoint import lambda_endpoint

QUICK = Times(
    relay=30, handover=1, drain=5, lease=8, renew=0.5, stream_keep=0, claim_idle=0.5, consumer_idle=0.5,
    tend=0.1, retry_base=0.02, retry_cap=0.2, metrics=60, reconnect_cap=0.3,
)  # fmt: skip


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with RedisServer.start(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(redis_server, monkeypatch):
    """The server, empty and well."""
    if redis_server.authorities:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(redis_server.authorities))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client_of(redis_server).flushall()
    return redis_server


def client_of(server):
    return redis.Redis.from_url(
        server.url, password=server.password, ssl_ca_certs=server.authorities, decode_responses=True
    ) if server.authorities else redis.Redis.from_url(
        server.url, password=server.password, decode_responses=True
    )  # fmt: skip


@pytest.fixture
def publisher(server):
    """A client of somebody who publishes."""
    with client_of(server) as made:
        yield made


@pytest.fixture
def broadcast():
    with lambda_endpoint() as endpoint:
        yield endpoint


class Password:
    """The login that the relays of a test use."""

    def __init__(self, password, username=None):
        self.username, self.password = username, password

    def credentials(self):
        return RedisCredentials(self.username, self.password)


class Relays:
    """Starts relays, as the schedule does, with the rights that they have on AWS."""

    def __init__(self, server, broadcast):
        with client_of(server) as operator:
            self.password = Password(server.password, admitted(operator, "redis_relay", server.password))
        self.metrics = {}
        self.relays = []
        self.tasks = []
        self._address = parse_redis_url(server.url)
        functions = lambda_client(endpoint_url=broadcast.url, attempts=1, read_timeout=5)
        self._broadcast = BroadcastFunction(functions, "broadcast")
        self._pool = ThreadPoolExecutor(64)

    def start(self, parallel=4, **times):
        """Start one; its task has the outcome."""
        relay = Relay(
            lambda: connect(self._address, self.password), self._broadcast, self._pool,
            replace(QUICK, **times), parallel=parallel, emit=self._note,
        )  # fmt: skip
        task = asyncio.create_task(relay.run())
        task.relay = relay
        self.relays.append(relay)
        self.tasks.append(task)
        return task

    def _note(self, metrics):
        for metric, value in metrics:
            self.metrics[metric.name] = self.metrics.get(metric.name, 0) + value

    async def end(self):
        for task in self.tasks:
            task.cancel()
        _, left = await asyncio.wait(self.tasks, timeout=5)
        if left:
            import sys

            for t in asyncio.all_tasks():
                t.print_stack(file=sys.__stderr__)
            raise AssertionError(left)
        self._pool.shutdown(wait=False)


@pytest.fixture
async def relays(server, broadcast):
    made = Relays(server, broadcast)
    yield made
    await made.end()


async def until(fulfilled, within=10.0):
    """Wait until a condition holds, looking in on it; what it returned."""
    deadline = time.monotonic() + within
    while not (value := fulfilled()):
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.02)
    return value


async def holding(publisher, task):
    """Wait until this relay has the lease, and its marker has come."""
    await until(lambda: publisher.hget(LEASE, "holder") == task.relay.holder)
    await asyncio.sleep(0.05)


def deal(number=1, **more):
    return {"messageType": "dealUpdate", "data": {"n": number}, **more}


def add(publisher, number=1, **more):
    """Put an event on the stream; its entry's id."""
    return publisher.xadd(STREAM, {"event": json.dumps(deal(number, **more))})


def dead_letters(publisher):
    return [fields for _, fields in publisher.xrange(DEAD_LETTERS)]
