"""Publishers, deliveries, trimming and a client that comes and goes, in random orders, with sudden deaths.

Checked: whatever was accepted and is not expired reaches the client, live or by replay, with one number to
remember; `recovered: false` is said only where something was removed; what is in flight ends. The client
keeps the protocol's rule: from a `subscribeToDeals` with `since` to the end of its replay, live events do not
raise its number.
"""

import random
import threading

import pytest

from message_router.resume import resume
from realtime_core.errors import StoreUnavailable
from realtime_core.filters.filters import parse_filter
from realtime_core.history import base
from tests.contract.history.conftest import history_in_memory, history_on_dynamodb
from tests.contract.support.admitted import NOW_MS, admit, finish, new_event
from tests.contract.support.watched_clients import hooked

EVERYTHING = parse_filter({})


class Killed(BaseException):
    """The function was killed; nothing of it runs any more."""


class Steps:
    """Runs publishers one step at a time: each call of a store is a step, and may be the last one."""

    def __init__(self):
        self._turn, self._own = threading.Condition(), threading.local()
        self.waiting, self._picked, self._kill = [], None, ""

    def gate(self):
        """Wait for a turn. Called by a publisher before each call of a store."""
        me = getattr(self._own, "task", None)
        if me is None:
            return
        with self._turn:
            self.waiting.append(me)
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._picked is me)
            self._picked = None
            if self._kill:
                self._kill = ""
                raise Killed

    def start(self, task):
        """Run a task up to its first gate."""

        def run():
            self._own.task = task
            try:
                task.run()
            except Killed:
                task.killed = True
            finally:
                with self._turn:
                    task.ended = True
                    self._turn.notify_all()

        threading.Thread(target=run, daemon=True).start()
        self._settle(task)

    def step(self, task, *, kill=False):
        """Let a task make its next call, or kill it before that."""
        with self._turn:
            self.waiting.remove(task)
            self._kill = "now" if kill else ""
            self._picked = task
            self._turn.notify_all()
        self._settle(task)

    def _settle(self, task):
        with self._turn:
            self._turn.wait_for(lambda: task.ended or task in self.waiting)


class Publish:
    """One try to publish an event: claim, push to who is connected, finish; or leave chunks to a queue."""

    def __init__(self, world, event_id, chunks):
        self.world, self.event_id, self.chunks = world, event_id, chunks
        self.ended = self.killed = False
        self.failed = False

    def run(self):
        """Publish; leaves `failed` where the caller must try again."""
        world, admission = self.world, self.world.stores.admission
        try:
            claim = admit(admission, new_event(self.event_id), world.now_ms)
            if claim.answer is not None:
                return
            world.steps.gate()
            if self.chunks:
                world.steps.gate()
                tracking_id = base.new_tracking_id(claim.position, world.now_ms)
                world.queue += [
                    (self.event_id, claim.position, tracking_id, chunk) for chunk in range(self.chunks)
                ]
                admission.expect_chunks(tracking_id, self.chunks, [claim])
            else:
                world.push(self.event_id, claim.position)
            world.steps.gate()
            finish(admission, claim, "done", in_flight=bool(self.chunks))
        except StoreUnavailable:
            self.failed = True


class Client:
    """A client that remembers one number."""

    def __init__(self, world):
        self.world = world
        self.online, self.replaying, self.page_at = False, False, 0
        self.number, self.seen, self.gaps = world.stores.history.bounds().newest, set(), 0

    def receive(self, event_id, position):
        """Handle a live event."""
        self.seen.add(event_id)
        if not self.replaying:
            self.number = max(self.number, position)

    def act(self):
        """Connect, or read the next page of a replay, or lose the connection."""
        if not self.online:
            self.online, self.replaying, self.page_at = True, True, self.number
        elif self.replaying and self.world.random.random() < 0.8:
            self.read_page()
        elif self.replaying or self.world.random.random() < 0.3:
            self.online = self.replaying = False

    def read_page(self):
        """Read one page; the number is that of the last reply."""
        bounds = self.world.stores.history.bounds()
        page = resume(self.world.stores.history, self.page_at, "books", EVERYTHING, self.world.now_ms // 1000)
        self.seen |= {event["eventId"] for event in page.events}
        if not page.recovered:
            self.gaps += 1
            assert not bounds.whole, "nothing was ever removed, so nothing can be missing"
        self.number = self.page_at = page.position
        self.replaying = page.more


class World:
    """Everything, and the order in which it happens."""

    def __init__(self, stores, seed, events):
        self.stores, self.random, self.steps = stores, random.Random(seed), Steps()
        self.now_ms = NOW_MS
        self.queue, self.tries, self.left = [], [], [f"e{number}" for number in range(events)]
        self.positions = {}
        stores.trimming.trim(self.now_ms, 1)
        self.client = Client(self)

    def push(self, event_id, position):
        """An event's members are read and pushed to."""
        self.positions[event_id] = position
        if self.client.online:
            self.client.receive(event_id, position)

    def run(self):
        """Play until every event is published, the queue is empty, and the client is connected."""
        while self.left or self.tries or self.queue:
            self.random.choice(
                [self.begin, self.go_on, self.go_on, self.go_on, self.deliver, self.client.act, self.wait]
            )()
        while not self.client.online or self.client.replaying:
            self.client.act()

    def begin(self):
        """A publisher takes an event, now and then one that another has."""
        if self.left and len(self.tries) < 6:
            event_id = self.left.pop(self.random.randrange(min(3, len(self.left))))
            self.start(event_id)
            if self.random.random() < 0.1:
                self.start(event_id)

    def start(self, event_id):
        """Begin a try."""
        task = Publish(self, event_id, self.random.choice([0, 0, 2]))
        self.tries.append(task)
        self.steps.start(task)

    def go_on(self):
        """One step of one publisher, or its death; what has failed is tried again later."""
        for task in [task for task in self.tries if task.ended]:
            self.tries.remove(task)
            if task.killed or task.failed:
                self.left.insert(self.random.randrange(len(self.left) + 1), task.event_id)
        if waiting := [task for task in self.tries if not task.ended]:
            self.steps.step(self.random.choice(waiting), kill=self.random.random() < 0.03)

    def deliver(self):
        """A chunk is posted; now and then twice."""
        if self.queue:
            index = self.random.randrange(len(self.queue))
            event_id, position, tracking_id, chunk = self.queue[index]
            self.push(event_id, position)
            self.stores.chunks.complete_chunks(tracking_id, [chunk])
            if self.random.random() < 0.9:
                self.queue.pop(index)

    def wait(self):
        """Time passes: so much that no function of before runs, or nothing of before is in flight."""
        passed = self.random.choice([10, 100, 3_000, 95_000, 95_000, 960_000])
        if passed >= 95_000:
            for task in [task for task in self.tries if not task.ended]:
                self.steps.step(task, kill=True)
        while passed >= 960_000 and self.queue:
            self.deliver()
        self.now_ms += passed


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch):
    """So that a replay takes several, and is broken off."""
    monkeypatch.setattr("message_router.replay.SCANNED_MAX", 2)


def check(world, events):
    world.run()
    missing = {f"e{number}" for number in range(events)} - world.client.seen
    assert not missing or world.client.gaps, (missing, world.positions)
    in_hours = world.now_ms // 1000 + 3600
    assert world.stores.history.settled(in_hours) == world.stores.history.bounds().newest


@pytest.mark.parametrize("seed", range(150))
def test_nothing_accepted_is_lost_in_memory(seed):
    stores = history_in_memory()
    world = World(stores, seed, 40)
    check(world, 40)
    assert world.client.gaps == 0


@pytest.mark.parametrize("seed", range(2))
def test_nothing_accepted_is_lost_on_dynamodb(dynamodb, monkeypatch, seed):
    """Publishers are interleaved, and die, between any two calls of DynamoDB."""
    monkeypatch.setattr("realtime_core.history.dynamodb_admission.WAIT_SECONDS", 0.1)
    world = World(history_on_dynamodb(dynamodb), seed, 8)
    with hooked(dynamodb, lambda *_: world.steps.gate()):
        check(world, 8)
    assert world.client.gaps == 0
    counter = dynamodb.get_item(TableName="history", Key={"pk": {"S": "counter"}, "position": {"N": "0"}})[
        "Item"
    ]
    assert set(counter) == {"pk", "position", "n", "began", "floor"}


@pytest.mark.parametrize("seed", range(60))
def test_a_gap_is_told_where_events_were_removed(monkeypatch, seed):
    monkeypatch.setattr(base, "KEPT_POSITIONS", 5)
    monkeypatch.setattr(base, "HISTORY_SECONDS", 60)
    world = World(history_in_memory(), seed, 40)
    act = world.client.act

    def act_or_trim():
        if world.random.random() < 0.3:
            world.stores.trimming.trim(world.now_ms, 1)
        act()

    world.client.act = act_or_trim
    check(world, 40)
