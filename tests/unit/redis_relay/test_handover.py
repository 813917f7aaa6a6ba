"""The rules of the hand-over, under any order in which Redis may execute commands."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redis_relay.handover import Handover, Marker, parse_marker

LEASE = 3


def test_successor_forwards_what_comes_after_its_marker():
    handover = Handover("b")
    assert handover.receive(1, in_force=True) == []
    assert handover.apply(Marker("taken", "b", follows=True)) == []
    assert handover.receive(2, in_force=True) == [2]


def test_successor_to_a_free_lease_forwards_from_its_subscription_on():
    handover = Handover("b")
    handover.receive(1, in_force=False)
    assert handover.apply(Marker("taken", "b")) == [1]


def test_predecessor_forwards_what_came_before_the_marker_and_nothing_after():
    handover = Handover("a")
    handover.apply(Marker("taken", "a"))
    assert handover.receive(1, in_force=False) == [], "in doubt"
    assert handover.apply(Marker("taken", "b", follows=True)) == [1]
    assert handover.closed
    assert handover.receive(2, in_force=True) == handover.apply(Marker("taken", "a")) == []


def test_what_is_held_back_while_the_lease_is_in_doubt_is_bounded():
    handover = Handover("a", count_max=3, bytes_max=100)
    handover.apply(Marker("taken", "a"))
    for number, size in enumerate((10, 50, 41, 40)):
        if handover.has_room(size):
            handover.receive(number, in_force=False, size=size)
    assert not handover.has_room(0), "three messages"
    assert handover.renewed() == [0, 1, 3]
    assert handover.has_room(100)
    assert handover.receive(4, in_force=True, size=100) == [4]
    assert handover.has_room(100)


def test_release_forwards_what_came_before_and_closes():
    handover = Handover("a")
    handover.apply(Marker("taken", "a"))
    handover.receive(1, in_force=False)
    assert handover.apply(Marker("released", "a")) == [1]
    assert handover.closed


def test_beats_and_releases_of_others_change_nothing():
    handover = Handover("a")
    handover.apply(Marker("taken", "a"))
    assert handover.apply(Marker("beat", "b")) == handover.apply(Marker("released", "b")) == []
    assert handover.receive(1, in_force=True) == [1]


NOISE = st.recursive(
    st.none() | st.text(max_size=3),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "holder", "follows"]), x, max_size=3)
    ),
    max_leaves=5,
)


@given(st.binary() | NOISE.map(lambda noise: json.dumps(noise).encode()))
def test_parse_marker_of_noise_is_none_and_no_error(raw):
    assert parse_marker(raw) is None or json.loads(raw)["kind"] in {"taken", "released", "beat"}


class ModelRedis:
    """What the hand-over needs of Redis: an order of execution, subscriptions, and a lease that expires."""

    def __init__(self):
        self.now = 0
        self.subscriptions = {}
        self.holder, self.expires, self.token = None, 0, 0

    def lease(self):
        return self.holder if self.now < self.expires else None

    def publish(self, item):
        for queue in self.subscriptions.values():
            queue.append(item)

    def acquire(self, holder, seen):
        if (self.lease(), self.token) != seen:
            return False
        previous, self.token = self.lease(), self.token + 1
        self.holder, self.expires = holder, self.now + LEASE
        self.publish(Marker("taken", holder, follows=previous is not None and previous != holder))
        return True

    def renew(self, holder):
        if self.lease() != holder:
            return False
        self.expires = self.now + LEASE
        return True


class Invocation:
    """One relay, any of whose steps may be late."""

    def __init__(self, name, redis):
        self.name, self.redis, self.handover = name, redis, Handover(name)
        self.in_force_until, self.forwarded, self.seen = 0, [], None

    def read_lease(self):
        self.seen = (self.redis.lease(), self.redis.token)

    def subscribe(self):
        self.redis.subscriptions[self.name] = []

    def acquire(self):
        if self.redis.acquire(self.name, self.seen):
            self.in_force_until = self.redis.now + LEASE
        else:
            self.redis.subscriptions.pop(self.name)

    def renew(self):
        if self.redis.renew(self.name):
            self.in_force_until = self.redis.now + LEASE
            self.forwarded += self.handover.renewed()
        elif self.redis.lease() is None and self.redis.acquire(self.name, (None, self.redis.token)):
            self.in_force_until = self.redis.now + LEASE

    def receive(self):
        item = self.redis.subscriptions[self.name].pop(0)
        if isinstance(item, Marker):
            self.forwarded += self.handover.apply(item)
        else:
            self.forwarded += self.handover.receive(item, in_force=self.redis.now < self.in_force_until)


class Handovers(RuleBasedStateMachine):
    """Invocations start at any time, pause for any time, and die."""

    def __init__(self):
        super().__init__()
        self.redis, self.published, self.waiting, self.running = ModelRedis(), 0, [], []
        self.all = []

    @rule()
    def publish(self):
        self.published += 1
        self.redis.publish(self.published)

    @rule()
    def start(self):
        invocation = Invocation(f"i{len(self.all)}", self.redis)
        invocation.read_lease()
        self.all.append(invocation)
        self.waiting.append((invocation, "subscribe"))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def continue_start(self, data):
        invocation, step = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        if step == "subscribe":
            invocation.subscribe()
            self.waiting.append((invocation, "acquire"))
        else:
            invocation.acquire()
            if invocation.name in self.redis.subscriptions:
                self.running.append(invocation)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def renew(self, data):
        data.draw(st.sampled_from(self.running)).renew()

    @precondition(
        lambda self: any(self.redis.subscriptions.get(invocation.name) for invocation in self.running)
    )
    @rule(data=st.data())
    def receive(self, data):
        ready = [invocation for invocation in self.running if self.redis.subscriptions[invocation.name]]
        data.draw(st.sampled_from(ready)).receive()

    @rule()
    def advance_clock(self):
        self.redis.now += 1

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def die(self, data):
        invocation = data.draw(st.sampled_from(self.running))
        self.running.remove(invocation)
        self.redis.subscriptions.pop(invocation.name)

    @invariant()
    def nothing_is_forwarded_twice(self):
        forwarded = [message for invocation in self.all for message in invocation.forwarded]
        assert len(forwarded) == len(set(forwarded))


TestHandovers = Handovers.TestCase
TestHandovers.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)


@given(st.lists(st.sampled_from(["publish", "hand over", "receive"]), max_size=80), st.randoms())
def test_no_message_is_missed_or_doubled_while_each_successor_is_in_time(steps, random):
    redis, published = ModelRedis(), 0
    running = [Invocation("i0", redis)]
    for step in (Invocation.read_lease, Invocation.subscribe, Invocation.acquire):
        step(running[0])
    for step in steps:
        if step == "publish":
            published += 1
            redis.publish(published)
        elif step == "hand over":
            successor = Invocation(f"i{len(running)}", redis)
            successor.read_lease()
            successor.subscribe()
            published += 1
            redis.publish(published)
            successor.acquire()
            running.append(successor)
        elif ready := [invocation for invocation in running if redis.subscriptions[invocation.name]]:
            random.choice(ready).receive()
    for invocation in running:
        while redis.subscriptions[invocation.name]:
            invocation.receive()
    assert sorted(message for invocation in running for message in invocation.forwarded) == list(
        range(1, published + 1)
    )
