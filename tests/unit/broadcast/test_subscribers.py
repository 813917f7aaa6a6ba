"""Who gets an event, and what is learned of the groups while they are read."""

from broadcast.group_index import GroupIndex
from broadcast.subscribers import Subscribers
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.wire.events import parse_event

NOW = 1_795_382_480
EVENT = parse_event({"messageType": "deal", "topic": "books", "data": {"price": 9}, "eventId": "e1"})


def test_group_gets_shards_for_the_members_of_all_its_shards():
    """Each shard alone would need no other."""
    connections = MemoryConnections()
    subscriptions = MemorySubscriptions(connections)
    for number in range(4_001):
        connections.add(Connection(f"c{number}", f"user-{number}", NOW, NOW + 3600))
        subscriptions.subscribe(f"c{number}", "books", "{}", NOW)
        if not number:
            [group] = subscriptions.groups("books", NOW)
            subscriptions.add_shards(group, 2, NOW)

    due = Subscribers(subscriptions, GroupIndex(subscriptions)).due({7: EVENT}, NOW)

    assert (len(due.connections), set(due.connections.values()), due.large) == (4_001, {1 << 7}, {})
    assert max(group.shards for group in subscriptions.groups("books", NOW)) == 5
