"""Users who do all that the limits let them do to make publishing dear, on in-memory twins."""

import json

from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher
from broadcast.subscribers import Subscribers
from message_router.action_limits import GET_EVENTS, SUBSCRIPTIONS, ActionLimits
from message_router.actions import Actions
from message_router.limits import Limit
from message_router.memory import MemoryConnectionLookup, MemoryLimiter
from message_router.router import Incoming, Router
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.history.memory import MemoryHistory
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.base import TOPIC_FILTERS_MAX
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.telemetry.logs import bound
from realtime_core.wire.events import parse_event
from tests.hostile_filters import NOW, TESTED, hostile_event

DAY = 24 * 60 * 60
TOPICS = ("all-deals", "books")
CONNECTIONS = 20
TRIES = 3
"""How often a user asks again at once after a refusal, whatever the answer says."""


class HostileUsers:
    """A service on in-memory twins with the default limits, and users who ask for ever other filters."""

    def __init__(self, users):
        self.users = users
        self.now = float(NOW)
        self.asked = self.refused = 0
        self.connections, self.history = MemoryConnections(), MemoryHistory()
        self.subscriptions = MemorySubscriptions(self.connections, topic_filters_max=TOPIC_FILTERS_MAX)
        self._pusher = Pusher(MemoryManagementApi(), self.connections, self.subscriptions, MemoryDeliveries())
        self.limiter = MemoryLimiter()
        self.router = self._new_router()
        self.groups, self.publisher = self._new_publisher()
        for user in range(users):
            for number in range(CONNECTIONS):
                self.connections.add(Connection(f"c{user}-{number}", f"user-{user}", NOW, NOW + DAY))

    def attack(self, seconds, step=10):
        """Let each user ask for new filters until refused, every so many seconds."""
        begun = self.now
        for second in range(0, seconds, step):
            self.now = begun + second
            for user in range(self.users):
                refused = 0
                while refused < TRIES:
                    refused += not self._ask(user)

    def publish(self):
        """Publish the event that the users know."""
        values = hostile_event().values
        event = parse_event({"messageType": "deal", "topic": "books", "data": values})
        return self.publisher.publish(event, f"e-{self.now}")

    def listed(self):
        """How many groups the event is matched against."""
        return sum(len(list(self.subscriptions.groups(topic, int(self.now)))) for topic in TOPICS)

    def _ask(self, user):
        """Subscribe one of the user's connections to the next hostile filter; return whether that passed."""
        number, self.asked = self.asked, self.asked + 1
        data = {"topic": TOPICS[number % 2], "filters": TESTED[number % len(TESTED)](number)}
        body = json.dumps({"action": "subscribeToDeals", "data": data})
        context = {"userId": f"user-{user}", "tokenExp": str(NOW + DAY)}
        connection_id = f"c{user}-{number % CONNECTIONS}"
        with bound():  # as an invocation has it
            reply = self.router.reply(Incoming(body, connection_id, "id", context, round(self.now * 1000)))
        passed = json.loads(reply)["type"] == "subscriptionConfirmed"
        self.refused += not passed
        return passed

    def _new_router(self):
        limits = ActionLimits(
            self.limiter,
            send_message=Limit(5, 20),
            subscriptions=SUBSCRIPTIONS,
            get_events=GET_EVENTS,
            others=Limit(10, 40),
        )
        actions = Actions(
            connections=self.connections,
            subscriptions=self.subscriptions,
            messages=MemoryMessages(),
            history=self.history,
            lookup=MemoryConnectionLookup(self.connections, self.history),
            verifier=TokenVerifier(TokenRules(), MemorySigningSecrets("s" * 32, "o" * 32), None),
            revocations=MemoryRevocations(),
            pusher=self._pusher,
            now=lambda: self.now,
            entropy=lambda count: b"x" * count,
            take_new_filter=limits.take_new_filter,
        )
        return Router(actions, self.connections, limits, lambda: self.now)

    def _new_publisher(self):
        groups = GroupIndex(self.subscriptions)
        publisher = Publisher(
            subscribers=Subscribers(self.subscriptions, groups),
            inboxes=Inboxes(MemoryMessages(retention_days=30), self.connections),
            admission=self.history,
            deliveries=MemoryDeliveries(),
            pusher=self._pusher,
            direct_max=100,
            now=lambda: self.now,
        )
        return groups, publisher
