"""Whatever happens, in whatever order the stream tells of it: an event reaches whom the table says.

But for those who have just left: they may be posted to once more, and are found gone.
"""

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from index_projector.stream import changes_of
from realtime_core.errors import ConnectionUnknown
from tests.contract.ports.cases import HOUR, connection
from tests.contract.ports.clouds import moto_client
from tests.contract.ports.indexed import World, members
from tests.contract.ports.tables import create_tables

TOPICS = "ab"
FILTERS = ["{}", '{"x":1}', '{"x":2}']

number = st.integers(0, 99)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["subscribe"] * 5
            + ["deliver"] * 6
            + ["unsubscribe"] * 2
            + ["again", "again", "refresh", "leave", "wait", "crash", "spread", "check"]
            + ["build", "flush", "tend"]
        ),
        number,
        number,
        number,
    ),
    min_size=8,
    max_size=40,
)


class Story:
    """A table and its index, to which things happen."""

    def __init__(self, world):
        self.world = world
        self.waiting = defaultdict(list)
        self.delivered = []
        self.present = []
        self.born = 0
        self.left = set()
        self.read_from = Counter()
        world.build()
        for _ in range(3):
            self.connect()

    @property
    def now(self):
        return self.world.clock.now

    def connect(self):
        made = connection(f"c{self.born}", connected_at=self.now, token_exp=self.now + HOUR)
        self.born += 1
        self.world.connections.add(made)
        self.present.append(made.connection_id)

    def step(self, name, a, b, c):
        getattr(self, name)(a, b, c)
        for record in self.world.stream.records():
            keys = record["dynamodb"]["Keys"]
            self.waiting[keys["pk"]["S"], keys["sk"]["S"]].append(record)

    def subscribe(self, a, b, c):
        who = self.present[a % len(self.present)]
        self.world.truth.subscribe(who, TOPICS[b % 2], FILTERS[c % 3], self.now)

    def unsubscribe(self, a, b, _):
        self.world.truth.unsubscribe(self.present[a % len(self.present)], TOPICS[b % 2])

    def refresh(self, a, b, _):
        who = self.present[a % len(self.present)]
        record = self.world.connections.extend(who, self.now + HOUR + b)
        if record is None:
            raise ConnectionUnknown("the test keeps no record of its own")
        self.world.truth.extend(record)

    def leave(self, a, *_):
        who = self.present.pop(a % len(self.present))
        self.left.add(who)
        self.world.truth.remove_members([self.world.connections.remove(who)])
        self.connect()

    def wait(self, a, *_):
        self.world.clock.now += (1, 10, 25, 1800, 3595)[a % 5]
        # The projector runs each minute in between.
        self.world.operator.hset("deals:meta", "tended_at", self.now) if self.ready() else None

    def ready(self):
        return self.world.operator.hget("deals:meta", "state") == "ready"

    def spread(self, a, *_):
        for group in self.world.truth.groups(TOPICS[a % 2], self.now):
            self.world.truth.add_shards(group, 3, self.now)

    def _take(self, a, b):
        """Some records of one item, in their order; the items come in any."""
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
        self.world.project(batch)

    def again(self, a, b, _):
        """A batch comes a second time, long after."""
        if self.delivered:
            self.world.project([self.delivered[(a * 100 + b) % len(self.delivered)]])

    def crash(self, a, b, _):
        """The function ends after the index was written, and Lambda delivers the batch again later."""
        batch = self._take(a, b)
        self.world.projector.refresh(changes_of(batch).memberships)
        self.waiting_again(batch)

    def waiting_again(self, batch):
        for record in reversed(batch):
            keys = record["dynamodb"]["Keys"]
            self.waiting[keys["pk"]["S"], keys["sk"]["S"]].insert(0, record)

    def check(self, *_):
        for topic in TOPICS:
            groups = self.world.truth.groups(topic, self.now)
            expected = members(self.world.truth, groups, self.now)
            reader = self.world.reader()
            found = members(reader, reader.groups(topic, self.now), self.now)
            self.read_from[reader._breaker.reason or "redis"] += 1
            for group_id in expected.keys() | found.keys():
                ghosts = set(found.get(group_id, ())) - set(expected.get(group_id, ()))
                assert ghosts <= self.left, f"{topic}: {ghosts} are no members"
                missed = set(expected.get(group_id, ())) - set(found.get(group_id, ()))
                assert not missed, f"{topic}: {missed} were told that they are subscribed"

    def build(self, *_):
        self.world.build()

    def flush(self, *_):
        self.world.operator.flushall()

    def tend(self, *_):
        tally = self.world.tender.run(60)
        assert tally.failures == 0, tally
        assert tally.state == "ready", tally


@given(STEPS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.timeout(300)
def test_an_event_reaches_whom_the_table_says(redis_server, steps):
    with mock_aws():
        dynamodb = moto_client("dynamodb")
        create_tables(dynamodb)
        world = World(dynamodb, redis_server)
        world.operator.flushall()
        story = Story(world)
        try:
            for number, step in enumerate(steps):
                story.step(*step)
                if number % 3 == 0:
                    story.check()
            story.check()
            while any(story.waiting.values()):
                story.step("deliver", 0, 99, 99)
            story.check()
            story.step("tend", 0, 0, 0)
            story.check()
            assert story.read_from["redis"], story.read_from
        finally:
            world.close()
