"""The janitor over the in-memory stores, by a clock that the tests move."""

import json
import time
from dataclasses import dataclass, field

from janitor.duties import Duties
from janitor.janitor import Janitor
from janitor.memory import MemoryLeases
from janitor.probing import Prober
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections, MemorySchedule
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480
MINUTE = 60
HOUR = 60 * MINUTE
ENOUGH_SECONDS = 10.0


@dataclass
class JanitorHarness:
    """In-memory stores, and a janitor that runs at `now`."""

    connections: MemoryConnections = field(default_factory=MemoryConnections)
    poster: MemoryManagementApi = field(default_factory=MemoryManagementApi)
    now: int = NOW

    def __post_init__(self):
        self.subscriptions = MemorySubscriptions(self.connections)
        self.schedule = MemorySchedule(self.connections)
        self.leases = MemoryLeases()
        self.janitor = self.new_janitor()
        self.runs = 0

    def new_janitor(self, timer=time.monotonic, **changes):
        schedule = self.schedule
        duties = Duties(
            schedule=schedule,
            connections=self.connections,
            subscriptions=self.subscriptions,
            poster=self.poster,
        )
        parts = {
            "schedule": schedule,
            "leases": self.leases,
            "duties": duties,
            "prober": Prober(schedule=schedule, duties=duties, poster=self.poster, timer=timer),
            "clock": lambda: self.now,
            "timer": timer,
        }
        return Janitor(**parts | changes)

    def connect(self, connection_id="c1", *, token_seconds=24 * HOUR, topics=()):
        self.connections.add(Connection(connection_id, "ann", self.now, self.now + token_seconds))
        for topic in topics:
            self.subscriptions.subscribe(connection_id, topic, "{}", self.now)

    def run(self, after=0):
        self.now += after
        self.runs += 1
        return self.janitor.run(ENOUGH_SECONDS, f"run-{self.runs}")

    def run_each_minute(self, minutes):
        return [self.run(MINUTE) for _ in range(minutes)]

    def frames(self, connection_id="c1"):
        return [json.loads(frame) for frame in self.poster.received.get(connection_id, [])]

    def members(self, topic):
        groups = list(self.subscriptions.groups(topic, self.now))
        return [member for _, members in self.subscriptions.members(groups, self.now) for member in members]
