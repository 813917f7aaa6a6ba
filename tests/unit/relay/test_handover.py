"""The rules of the hand-over, tried on every order of things that Redis may execute them in."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redis_relay.handover import Gate, Marker, read_marker

LEASE = 3


def test_successor_forwards_what_comes_after_its_marker():
    gate = Gate("b")
    assert gate.message(1, trusted=True) == []
    assert gate.marker(Marker("taken", "b", follows=True)) == []
    assert gate.message(2, trusted=True) == [2]


def test_heir_of_nobody_forwards_from_its_subscription_on():
    gate = Gate("b")
    gate.message(1, trusted=False)
    assert gate.marker(Marker("taken", "b")) == [1]


def test_predecessor_forwards_what_came_before_the_marker_and_nothing_after():
    gate = Gate("a")
    gate.marker(Marker("taken", "a"))
    assert gate.message(1, trusted=False) == [], "in doubt"
    assert gate.marker(Marker("taken", "b", follows=True)) == [1]
    assert gate.closed
    assert gate.message(2, trusted=True) == gate.marker(Marker("taken", "a")) == []


def test_release_ends_it_with_what_came_before():
    gate = Gate("a")
    gate.marker(Marker("taken", "a"))
    gate.message(1, trusted=False)
    assert gate.marker(Marker("released", "a")) == [1]
    assert gate.closed


def test_beats_and_releases_of_others_change_nothing():
    gate = Gate("a")
    gate.marker(Marker("taken", "a"))
    assert gate.marker(Marker("beat", "b")) == gate.marker(Marker("released", "b")) == []
    assert gate.message(1, trusted=True) == [1]


NOISE = st.recursive(
    st.none() | st.text(max_size=3),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "holder", "follows"]), x, max_size=3)
    ),
    max_leaves=5,
)


@given(st.binary() | NOISE.map(lambda noise: json.dumps(noise).encode()))
def test_noise_is_no_marker_and_no_error(raw):
    assert read_marker(raw) is None or json.loads(raw)["kind"] in {"taken", "released", "beat"}


class Redis:
    """As much of Redis as the hand-over rests on: one order, subscriptions, and a lease that ends."""

    def __init__(self):
        self.now = 0
        self.subscriptions = {}
        self.holder, self.expires, self.token = None, 0, 0

    def lease(self):
        return self.holder if self.now < self.expires else None

    def publish(self, item):
        for queue in self.subscriptions.values():
            queue.append(item)

    def take(self, holder, seen):
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
    """One relay, whose every step may come late."""

    def __init__(self, name, redis):
        self.name, self.redis, self.gate = name, redis, Gate(name)
        self.trusted_until, self.forwarded, self.seen = 0, [], None

    def look(self):
        self.seen = (self.redis.lease(), self.redis.token)

    def subscribe(self):
        self.redis.subscriptions[self.name] = []

    def take(self):
        if self.redis.take(self.name, self.seen):
            self.trusted_until = self.redis.now + LEASE
        else:
            self.redis.subscriptions.pop(self.name)

    def renew(self):
        if self.redis.renew(self.name):
            self.trusted_until = self.redis.now + LEASE
            self.forwarded += self.gate.trust()
        elif self.redis.lease() is None and self.redis.take(self.name, (None, self.redis.token)):
            self.trusted_until = self.redis.now + LEASE

    def hear(self):
        item = self.redis.subscriptions[self.name].pop(0)
        if isinstance(item, Marker):
            self.forwarded += self.gate.marker(item)
        else:
            self.forwarded += self.gate.message(item, trusted=self.redis.now < self.trusted_until)


class Handovers(RuleBasedStateMachine):
    """Invocations come whenever they like, stand still for as long as they like, and die."""

    def __init__(self):
        super().__init__()
        self.redis, self.published, self.waiting, self.running = Redis(), 0, [], []
        self.all, self.gaps_allowed = [], False

    @rule()
    def publish(self):
        self.published += 1
        self.redis.publish(self.published)

    @rule()
    def look(self):
        one = Invocation(f"i{len(self.all)}", self.redis)
        one.look()
        self.all.append(one)
        self.waiting.append((one, "subscribe"))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def go_on(self, data):
        one, step = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        if step == "subscribe":
            one.subscribe()
            self.waiting.append((one, "take"))
        else:
            one.take()
            if one.name in self.redis.subscriptions:
                self.running.append(one)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def renew(self, data):
        data.draw(st.sampled_from(self.running)).renew()

    @precondition(lambda self: any(self.redis.subscriptions.get(one.name) for one in self.running))
    @rule(data=st.data())
    def hear(self, data):
        ready = [one for one in self.running if self.redis.subscriptions[one.name]]
        data.draw(st.sampled_from(ready)).hear()

    @rule()
    def time_goes_by(self):
        self.redis.now += 1

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def die(self, data):
        one = data.draw(st.sampled_from(self.running))
        self.running.remove(one)
        self.redis.subscriptions.pop(one.name)

    @invariant()
    def nothing_is_forwarded_twice(self):
        forwarded = [message for one in self.all for message in one.forwarded]
        assert len(forwarded) == len(set(forwarded))


TestHandovers = Handovers.TestCase
TestHandovers.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)


@given(st.lists(st.sampled_from(["publish", "hand over", "hear"]), max_size=80), st.randoms())
def test_nothing_is_missed_while_one_follows_the_other_in_time(steps, random):
    redis, published = Redis(), 0
    running = [Invocation("i0", redis)]
    for step in (Invocation.look, Invocation.subscribe, Invocation.take):
        step(running[0])
    for step in steps:
        if step == "publish":
            published += 1
            redis.publish(published)
        elif step == "hand over":
            follower = Invocation(f"i{len(running)}", redis)
            follower.look()
            follower.subscribe()
            published += 1
            redis.publish(published)
            follower.take()
            running.append(follower)
        elif ready := [one for one in running if redis.subscriptions[one.name]]:
            random.choice(ready).hear()
    for one in running:
        while redis.subscriptions[one.name]:
            one.hear()
    assert sorted(message for one in running for message in one.forwarded) == list(range(1, published + 1))
