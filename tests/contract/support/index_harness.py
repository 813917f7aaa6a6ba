"""IndexHarness: a table with a stream, its index in a real Redis, and everything between them."""

from collections import defaultdict
from contextlib import nullcontext
from functools import cached_property

import redis

from broadcast.indexed_subscriptions import IndexedSubscriptions
from broadcast.redis_index import RedisIndex
from index_projector import scripts
from index_projector.index import Index
from index_projector.maintenance import Maintenance
from index_projector.projector import Projector
from index_projector.rebuild import Rebuild
from index_projector.stream import parse_changes
from index_projector.table import Table
from index_projector.verification import Verification
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.ids import group_id
from realtime_core.redis.circuit_breaker import CircuitBreaker
from realtime_core.redis.client import RedisClient
from realtime_core.redis.credentials import RedisCredentials
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.redis.settings import parse_redis_url
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.pending_changes import DynamoPendingChanges, PendingWrites
from tests.contract.redis_access.access import create_user
from tests.contract.support.cases import ANY, LAPTOPS, NOW, PHONES
from tests.contract.support.watched_clients import streams_client

G_PHONES, G_LAPTOPS, G_ANY = (group_id("a", wanted) for wanted in (PHONES, LAPTOPS, ANY))
"""Groups of the topic "a"."""


class FixedCredentials:
    """Credentials that a test can make wrong."""

    def __init__(self, password, user=None):
        self.password = password
        self.user = user

    def credentials(self):
        return RedisCredentials(self.user, self.password)


def once(groups):
    """Each group once, with the most shards that were read of it."""
    return list({group.group_id: group for group in sorted(groups, key=lambda item: item.shards)}.values())


def redis_client(server, scripts=(), kind=RedisClient, user=None, **options):
    """The service's own client, with FixedCredentials as `login`; as a `user`, with its rights on AWS."""
    with operator(server) if user else nullcontext() as client:
        credentials = FixedCredentials(server.password, user and create_user(client, user, server.password))
    created = kind(parse_redis_url(server.url), credentials, scripts=scripts, **options)
    created.login = credentials
    return created


def operator(server):
    """A client with all rights, to inspect and damage the index."""
    # Only a connection by TLS takes the authorities, and not every machine's server speaks it.
    trusted = {"ssl_ca_certs": server.authorities} if server.authorities else {}
    return redis.Redis.from_url(server.url, password=server.password, decode_responses=True, **trusted)


class Clock:
    """A time of day that stands still until a test moves it."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


class Stream:
    """The records of a table's stream, each returned once. Only records of one item are in order."""

    def __init__(self, dynamodb, table):
        spec = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        described = dynamodb.update_table(TableName=table, StreamSpecification=spec)["TableDescription"]
        self._arn = described["LatestStreamArn"]
        self._streams = streams_client()
        self._iterators = None

    def records(self):
        """The records since the last call."""
        if self._iterators is None:
            self._iterators = self._open_iterators()
        records = []
        for shard in self._iterators:
            while page := self._read_page(shard):
                records += page
        return records

    def _read_page(self, shard):
        page = self._streams.get_records(ShardIterator=self._iterators[shard])
        self._iterators[shard] = page["NextShardIterator"]
        return page["Records"]

    def _open_iterators(self):
        described = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]
        return {
            shard["ShardId"]: self._streams.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in described["Shards"]
        }


class IndexHarness:
    """The table, the index, and their writers and readers, which share one `clock`.

    Writer and reader have their rights on AWS, unless they are `unnamed`: a restarted server has no users.
    """

    def __init__(self, dynamodb, server, *, unnamed=False):
        self.dynamodb, self.server = dynamodb, server
        self.clock = Clock()
        self.timer = Clock(0.0)
        self.stream = Stream(dynamodb, "subscriptions")
        self.connections = DynamoConnections(dynamodb, "connections")
        self.store = DynamoSubscriptions(
            dynamodb, "connections", "subscriptions", pending=PendingWrites("subscriptions", self.clock)
        )
        self.client = redis_client(
            server, scripts.ALL, user=None if unnamed else "index_projector", reply_seconds=5.0
        )
        self.index, self.table = Index(self.client, self.clock), Table(dynamodb, "subscriptions")
        self.pending, self.health = (
            DynamoPendingChanges(dynamodb, "subscriptions"),
            DynamoHealth(dynamodb, "history"),
        )
        self.projector = Projector(self.index, self.table, self.pending)
        self.rebuild = Rebuild(self.index, self.table, self.clock)
        self.sleeps = []
        self.verification = Verification(
            self.index, self.table, self.projector, self.clock, self.sleeps.append
        )
        self.maintenance = Maintenance(
            self.index,
            self.rebuild,
            self.verification,
            self.projector,
            pending=self.pending,
            health=self.health,
            now=self.clock,
        )
        self.reader_client = redis_client(server, user=None if unnamed else "broadcast")
        self.subscriptions = self.reader()

    def reader(self, client=None, *, shards_min=1, commands_max=1_000):
        """The subscriptions of a process that publishes, with a breaker of its own."""
        return IndexedSubscriptions(
            self.store,
            RedisIndex(client or self.reader_client, self.clock, commands_max),
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
        """Apply the stream's new records, or the given ones."""
        self.projector.apply(parse_changes(self.stream.records() if records is None else records))

    def build(self):
        """Build the index; it must succeed."""
        result = self.rebuild.run(60, force=True)
        assert result.outcome == "ready", result
        return result

    def close(self):
        self.client.close()
        self.reader_client.close()
        self.operator.close()

    def member_ids(self, *topics, subscriptions=None):
        """Members of the topics' groups, read from the index or, if it cannot be used, from the table."""
        subscriptions = subscriptions or self.subscriptions
        groups = [group for topic in topics for group in once(subscriptions.groups(topic, self.clock.now))]
        return members(subscriptions, groups, self.clock.now)


def members(subscriptions, groups, now):
    """Sorted members by group id; fails if a member comes twice."""
    by_group = defaultdict(list)
    for group, ids in subscriptions.members(groups, now):
        by_group[group.group_id] += ids
    assert all(len(ids) == len(set(ids)) for ids in by_group.values())
    return {group_id: sorted(ids) for group_id, ids in by_group.items() if ids}


class ProjectedOnRead:
    """Subscriptions of an index that is updated before every read."""

    def __init__(self, harness):
        self._harness = harness

    def __getattr__(self, name):
        if name in {"members", "groups"}:
            self._harness.project()
        return getattr(self._harness.subscriptions, name)


class GoneFilteredOut:
    """Subscriptions of a late index, without the members that a post would find gone."""

    def __init__(self, harness):
        self._harness = harness

    def members(self, groups, now):
        for group, ids in self._harness.subscriptions.members(groups, now):
            yield group, [member for member in ids if self._harness.connections.get(member)]

    def __getattr__(self, name):
        return getattr(self._harness.subscriptions, name)


class InterruptedTable(Table):
    """A table that runs `interruption` once, between a read and the use of its result."""

    interruption = None

    def _interrupt(self):
        if self.interruption is not None:
            interruption, self.interruption = self.interruption, None
            interruption()

    def read_memberships(self, memberships):
        states = super().read_memberships(memberships)
        self._interrupt()
        return states

    def _page(self, segment, segments, start):
        page = super()._page(segment, segments, start)
        if page.members:
            self._interrupt()
        return page


def subscribe(harness, wanted=PHONES, connection_id="c1", topic="a"):
    harness.store.subscribe(connection_id, topic, wanted, harness.clock.now)


def indexed(harness, group=G_PHONES, shard=0):
    """The members of a shard in Redis, with their ends."""
    return harness.operator.zrange(f"deals:g:{group}#{shard}", 0, -1, withscores=True)


def pending(harness):
    return harness.pending.read(harness.clock.now, whole=True).items
