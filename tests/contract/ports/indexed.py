"""A table with a stream, an index of it in a real Redis, and everything between them."""

from collections import defaultdict
from contextlib import nullcontext
from functools import cached_property

import redis
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from broadcast.indexed_subscriptions import IndexedSubscriptions
from broadcast.redis_index import RedisIndex
from index_projector import scripts
from index_projector.building import Builder
from index_projector.checking import Checker
from index_projector.index import Index
from index_projector.projector import Projector
from index_projector.stream import changes_of
from index_projector.table import Table
from index_projector.tending import Tender
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.redis.circuit_breaker import CircuitBreaker
from realtime_core.redis.client import RedisClient
from realtime_core.redis.credentials import RedisCredentials
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.redis.settings import parse_redis_url
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingWrites
from tests.contract.ports.cases import NOW
from tests.contract.redis_access.access import admitted

REGION = "eu-west-1"


class Password:
    """A login that a test can make wrong."""

    def __init__(self, password, user=None):
        self.password = password
        self.user = user

    def credentials(self):
        return RedisCredentials(self.user, self.password)


def redis_client(server, made_of=(), kind=RedisClient, user=None, **options):
    """The service's own client, with a `Password` to play with; as a `user` with the rights of AWS."""
    with operator(server) if user else nullcontext() as client:
        login = Password(server.password, user and admitted(client, user, server.password))
    made = kind(parse_redis_url(server.url), login, scripts=made_of, **options)
    made.password = made._credentials_provider
    return made


def operator(server):
    """Somebody else's client, to look and to do harm with."""
    return redis.Redis.from_url(
        server.url, password=server.password, ssl_ca_certs=server.authorities, decode_responses=True
    )


class Clock:
    """A time of day that stands until a test moves it."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


class Stream:
    """The records of a table's stream, given once each. Within an item they have an order, and none else."""

    def __init__(self, dynamodb, table):
        spec = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        dynamodb.update_table(TableName=table, StreamSpecification=spec)
        self._table = table
        self._read = 0

    def records(self):
        """What came since the last time."""
        # Of moto itself: its API of streams answers no client but those that it has patched.
        shard = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[self._table].stream_shard
        found = shard.get(shard.starting_sequence_number + self._read, 1_000_000)
        self._read += len(found)
        # moto tells twice of an update that makes an item, and first of a bare key.
        return [one for one in found if len(one["dynamodb"].get("NewImage", "removed")) > 2]


class World:
    """The table, the index, and who writes and reads them. `clock` is everybody's time of day.

    Both have the rights of AWS, unless they are to be `unnamed`: a server that comes back knows no users.
    """

    def __init__(self, dynamodb, server, *, unnamed=False):
        self.dynamodb, self.server = dynamodb, server
        self.clock = Clock()
        self.timer = Clock(0.0)
        self.stream = Stream(dynamodb, "subscriptions")
        self.connections = DynamoConnections(dynamodb, "connections")
        self.truth = DynamoSubscriptions(
            dynamodb, "connections", "subscriptions", pending=PendingWrites("subscriptions", self.clock)
        )
        self.client = redis_client(
            server, scripts.ALL, user=None if unnamed else "index_projector", reply_seconds=5.0
        )
        self.index, self.table = Index(self.client), Table(dynamodb, "subscriptions")
        self.pending, self.health = (
            DynamoPendingChanges(dynamodb, "subscriptions"),
            DynamoHealth(dynamodb, "history"),
        )
        self.projector = Projector(self.index, self.table, self.pending)
        self.builder = Builder(self.index, self.table, self.clock)
        self.naps = []
        self.checker = Checker(self.index, self.table, self.projector, self.clock, self.naps.append)
        self.tender = Tender(
            self.index,
            self.builder,
            self.checker,
            self.projector,
            pending=self.pending,
            health=self.health,
            now=self.clock,
        )
        self.reading = redis_client(server, user=None if unnamed else "broadcast")
        self.subscriptions = self.reader()

    def reader(self, client=None, *, shards_min=1, commands_max=1_000):
        """A process that publishes, with a breaker of its own."""
        return IndexedSubscriptions(
            self.truth,
            RedisIndex(client or self.reading, self.clock, commands_max),
            self.pending,
            self.health,
            shards_min=shards_min,
            now=self.clock,
            breaker=CircuitBreaker(self.timer),
        )

    @cached_property
    def operator(self):
        return operator(self.server)

    def project(self, records=None):
        """Apply what the stream has, or the given records."""
        self.projector.apply(changes_of(self.stream.records() if records is None else records))

    def build(self):
        """Build the index; it must succeed."""
        built = self.builder.build(60, anyway=True)
        assert built.outcome == "ready", built
        return built

    def close(self):
        self.client.close()
        self.reading.close()
        self.operator.close()

    def ids(self, *topics, subscriptions=None):
        """Whom the topics' groups hold, by the index or, where that is of no use, by the table."""
        subscriptions = subscriptions or self.subscriptions
        groups = [group for topic in topics for group in subscriptions.groups(topic, self.clock.now)]
        return members(subscriptions, groups, self.clock.now)


def members(subscriptions, groups, now):
    """Members by group id; nobody may come twice."""
    found = defaultdict(list)
    for group, ids in subscriptions.members(groups, now):
        found[group.group_id] += ids
    assert all(len(ids) == len(set(ids)) for ids in found.values())
    return {group_id: sorted(ids) for group_id, ids in found.items() if ids}


class Projecting:
    """Subscriptions of an index that is brought up to date whenever it is asked."""

    def __init__(self, world):
        self._world = world

    def __getattr__(self, name):
        if name in {"members", "groups"}:
            self._world.project()
        return getattr(self._world.subscriptions, name)


class Posting:
    """Subscriptions of a late index, and what the first post finds out: that somebody is gone."""

    def __init__(self, world):
        self._world = world

    def members(self, groups, now):
        for group, ids in self._world.subscriptions.members(groups, now):
            yield group, [one for one in ids if self._world.connections.get(one)]

    def __getattr__(self, name):
        return getattr(self._world.subscriptions, name)
