"""Whatever happens, and in whatever order the stream brings it, an event reaches the members in the table.

Groups are compared as well as members: a process that has read a topic before, and one that has not, find
each group that the registry lists. Nothing is swept from the table unless a step says so.

The exception: connections that have just left may be posted to once more, and are found gone.
"""

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from broadcast.redis_index import RedisIndex
from index_projector.stream import parse_changes
from index_projector.verification import TOPIC_SECONDS
from realtime_core.errors import ConnectionUnknown
from tests.contract.support.cases import HOUR, connection
from tests.contract.support.emulator import empty_emulator
from tests.contract.support.index_harness import IndexHarness, members, once
from tests.contract.support.tables import create_tables
from tests.contract.support.watched_clients import aws_client

TOPICS = "ab"
FILTERS = ["{}", '{"x":1}', '{"x":2}']

number = st.integers(0, 99)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["subscribe"] * 5
            + ["deliver"] * 6
            + ["unsubscribe"] * 2
            + ["again", "again", "refresh", "leave", "wait", "crash", "add_shards", "check"]
            + ["outlive", "sweep", "rebuild", "flush", "maintain"]
        ),
        number,
        number,
        number,
    ),
    min_size=8,
    max_size=40,
)

DELIVER_ALL = [("deliver", 0, 99, 0)] * 8
COMES_BACK = [
    ("subscribe", 0, 0, 1),
    *DELIVER_ALL,
    ("outlive", 0, 0, 0),
    ("check", 0, 0, 0),
    ("subscribe", 0, 0, 1),
    *DELIVER_ALL,
    ("wait", 4, 0, 0),
    ("check", 0, 0, 0),
]
"""A group that ended over an hour ago is subscribed to again, and then its announcement is read no more."""


class IndexHistory:
    """Steps that change a table, deliver its records and check the members that an event reaches."""

    def __init__(self, harness):
        self.harness = harness
        self.waiting = defaultdict(list)
        self.delivered = []
        self.present = []
        self.connected = 0
        self.left = set()
        self.read_from = Counter()
        self.kept = RedisIndex(harness.reader_client, harness.clock)
        harness.build()
        self.connect_all()

    @property
    def now(self):
        return self.harness.clock.now

    def connect_all(self):
        self.present = []
        for _ in range(3):
            self.connect()

    def connect(self):
        record = connection(f"c{self.connected}", connected_at=self.now, token_exp=self.now + HOUR)
        self.connected += 1
        self.harness.connections.add(record)
        self.present.append(record.connection_id)

    def step(self, name, a, b, c):
        getattr(self, name)(a, b, c)
        for record in self.harness.stream.records():
            keys = record["dynamodb"]["Keys"]
            self.waiting[keys["pk"]["S"], keys["sk"]["S"]].append(record)

    def subscribe(self, a, b, c):
        connection_id = self.present[a % len(self.present)]
        self.harness.store.subscribe(connection_id, TOPICS[b % 2], FILTERS[c % 3], self.now)

    def unsubscribe(self, a, b, _):
        self.harness.store.unsubscribe(self.present[a % len(self.present)], TOPICS[b % 2])

    def refresh(self, a, b, _):
        connection_id = self.present[a % len(self.present)]
        record = self.harness.connections.extend(connection_id, self.now + HOUR + b)
        if record is None:
            raise ConnectionUnknown("the test keeps no record of its own")
        self.harness.store.extend(record)

    def leave(self, a, *_):
        connection_id = self.present.pop(a % len(self.present))
        self.left.add(connection_id)
        self.harness.store.remove_members([self.harness.connections.remove(connection_id)])
        self.connect()

    def wait(self, a, *_):
        self._pass_time((1, 10, 25, 300, 1200, 3595)[a % 6])

    def outlive(self, a, *_):
        """The time moves beyond every lifetime: of connections, groups and announcements."""
        self._pass_time((5 * HOUR, 30 * HOUR)[a % 2])
        self.connect_all()

    def _pass_time(self, seconds):
        self.harness.clock.now += seconds
        meta = self.harness.index.meta()
        if meta.state == "ready":
            # Stands for the maintenance of each minute in between.
            self.harness.operator.hset("deals:meta", "tended_at", self.now)
            self.harness.verification.verify_topics(meta.epoch, self.harness.index.topics(), TOPIC_SECONDS)

    def sweep(self, *_):
        """DynamoDB deletes the groups that have ended."""
        for topic in TOPICS:
            for listing in self.harness.table.listings(topic):
                if listing.expires_at <= self.now:
                    key = {"pk": {"S": f"t#{topic}"}, "sk": {"S": listing.group_id}}
                    self.harness.dynamodb.delete_item(TableName="subscriptions", Key=key)

    def add_shards(self, a, *_):
        for group in self.harness.store.groups(TOPICS[a % 2], self.now):
            self.harness.store.add_shards(group, 3, self.now)

    def _take(self, a, b):
        """Take some records of one item, in their order; items come in any order."""
        items = [key for key, records in self.waiting.items() if records]
        if not items:
            return []
        queue = self.waiting[items[a % len(items)]]
        count = 1 + b % len(queue)
        taken = queue[:count]
        del queue[:count]
        return taken

    def deliver(self, a, b, c):
        batch = self._take(a, b) + self._take(b, c)
        self.delivered += batch
        self.harness.project(batch)

    def again(self, a, b, _):
        """A record is delivered a second time, much later."""
        if self.delivered:
            self.harness.project([self.delivered[(a * 100 + b) % len(self.delivered)]])

    def crash(self, a, b, _):
        """The function dies after writing the index, and Lambda delivers the batch again later."""
        batch = self._take(a, b)
        self.harness.projector.refresh(parse_changes(batch).memberships)
        self.requeue(batch)

    def requeue(self, batch):
        for record in reversed(batch):
            keys = record["dynamodb"]["Keys"]
            self.waiting[keys["pk"]["S"], keys["sk"]["S"]].insert(0, record)

    def check(self, a=0, *_):
        for topic in TOPICS:
            groups = list(self.harness.store.groups(topic, self.now))
            expected = members(self.harness.store, groups, self.now)
            reader = self.harness.reader()
            if a % 2 == 0:
                reader._index = self.kept
            found = once(reader.groups(topic, self.now))
            self._compare_groups(topic, groups, found)
            reached = members(reader, found, self.now)
            self.read_from[reader._breaker.reason or "redis"] += 1
            for group_id in expected.keys() | reached.keys():
                ghosts = set(reached.get(group_id, ())) - set(expected.get(group_id, ()))
                assert ghosts <= self.left, f"{topic}: {ghosts} are not members"
                missed = set(expected.get(group_id, ())) - set(reached.get(group_id, ()))
                assert not missed, f"{topic}: {missed} are subscribed and were not reached"

    def _compare_groups(self, topic, listed, found):
        """A group that the registry no longer lists may be read for a while: it has no members."""
        shards = {group.group_id: group.shards for group in found}
        missed = [group for group in listed if shards.get(group.group_id, 0) < group.shards]
        assert not missed, f"{topic}: {missed} are listed and were not found"

    def rebuild(self, *_):
        self.harness.build()

    def flush(self, *_):
        self.harness.operator.flushall()

    def maintain(self, *_):
        report = self.harness.maintenance.run(60)
        assert report.failures == 0, report
        assert report.state == "ready", report


@given(STEPS)
@example(COMES_BACK)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.timeout(300)
def test_event_after_any_history_reaches_the_members_in_the_table(cloud, redis_server, steps):
    empty_emulator()
    dynamodb = aws_client("dynamodb")
    create_tables(dynamodb)
    harness = IndexHarness(dynamodb, redis_server)
    harness.operator.flushall()
    history = IndexHistory(harness)
    try:
        for number, step in enumerate(steps):
            history.step(*step)
            if number % 3 == 0:
                history.check()
        history.check()
        while any(history.waiting.values()):
            history.step("deliver", 0, 99, 99)
        history.check()
        history.step("maintain", 0, 0, 0)
        history.check()
        assert history.read_from["redis"], history.read_from
    finally:
        harness.close()
