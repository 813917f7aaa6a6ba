"""Whatever happens, and in whatever order the stream brings it, an event reaches the members in the table.

The exception: connections that have just left may be posted to once more, and are found gone.
"""

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index_projector.stream import parse_changes
from realtime_core.errors import ConnectionUnknown
from tests.contract.support.cases import HOUR, connection
from tests.contract.support.emulator import empty_emulator
from tests.contract.support.index_harness import IndexHarness, members
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
            + ["rebuild", "flush", "maintain"]
        ),
        number,
        number,
        number,
    ),
    min_size=8,
    max_size=40,
)


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
        harness.build()
        for _ in range(3):
            self.connect()

    @property
    def now(self):
        return self.harness.clock.now

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
        self.harness.clock.now += (1, 10, 25, 1800, 3595)[a % 5]
        # Stands for the maintenance of each minute in between.
        self.harness.operator.hset("deals:meta", "tended_at", self.now) if self.ready() else None

    def ready(self):
        return self.harness.operator.hget("deals:meta", "state") == "ready"

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

    def check(self, *_):
        for topic in TOPICS:
            groups = self.harness.store.groups(topic, self.now)
            expected = members(self.harness.store, groups, self.now)
            reader = self.harness.reader()
            reached = members(reader, reader.groups(topic, self.now), self.now)
            self.read_from[reader._breaker.reason or "redis"] += 1
            for group_id in expected.keys() | reached.keys():
                ghosts = set(reached.get(group_id, ())) - set(expected.get(group_id, ()))
                assert ghosts <= self.left, f"{topic}: {ghosts} are not members"
                missed = set(expected.get(group_id, ())) - set(reached.get(group_id, ()))
                assert not missed, f"{topic}: {missed} are subscribed and were not reached"

    def rebuild(self, *_):
        self.harness.build()

    def flush(self, *_):
        self.harness.operator.flushall()

    def maintain(self, *_):
        report = self.harness.maintenance.run(60)
        assert report.failures == 0, report
        assert report.state == "ready", report


@given(STEPS)
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
