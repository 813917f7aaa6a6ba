"""Pushes to users, whose connections are looked up when they are pushed."""

import pytest

from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryDeliveries, MemoryManagementApi
from realtime_core.push.planning import decode_job
from realtime_core.push.pusher import (
    ATTEMPTS_MAX,
    Pusher,
    PushResult,
)
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.unit.push.jobs import NOW, job


class FlakyIndex(MemoryConnections):
    """Connections whose look-up fails for the users in `failing`; `asked` has the users looked up."""

    def __init__(self):
        super().__init__()
        self.failing, self.asked = set(), []

    def of_user(self, user_id):
        self.asked.append(user_id)
        if user_id in self.failing:
            raise StoreUnavailable("the index is down")
        return super().of_user(user_id)


@pytest.fixture
def users():
    """A pusher whose users have connections: two of Ann, one of Ben, one of Cid with an expired token."""
    connections, management_api, deliveries = FlakyIndex(), MemoryManagementApi(), MemoryDeliveries()
    for connection_id, user_id, token_exp in (
        ("a1", "ann", NOW + 1),
        ("a2", "ann", NOW + 1),
        ("b1", "ben", NOW + 1),
        ("c1", "cid", NOW),
    ):
        connections.add(Connection(connection_id, user_id, NOW, token_exp))
    pusher = Pusher(
        management_api, connections, MemorySubscriptions(connections), deliveries, now=lambda: NOW
    )
    return pusher, connections, management_api, deliveries


def for_users(*user_ids, **more):
    return job(**more)._replace(user_ids=user_ids, priority="message")


@pytest.mark.parametrize("together", [False, True])
def test_push_to_users_reaches_their_connections(users, together):
    pusher, _, management_api, deliveries = users
    to = for_users("ann", "ben", "cid", "nobody")

    result = pusher.push_all([to], 5)[0] if together else pusher.push(to, 5)

    assert result == PushResult(delivered=3)
    assert sorted(management_api.received) == ["a1", "a2", "b1"]
    assert deliveries.jobs == []


@pytest.mark.parametrize("together", [False, True])
def test_push_to_users_queues_those_who_cannot_be_looked_up_and_posts_to_the_others(users, together):
    pusher, connections, management_api, deliveries = users
    connections.failing = {"ben"}
    management_api.answers = {"a2": [503]}
    to = for_users("ann", "ben")

    result = pusher.push_all([to], 5)[0] if together else pusher.push(to, 5)

    assert (result.delivered, result.queued) == (1, 2)
    [left] = deliveries.jobs
    assert (left.connection_ids, left.user_ids, left.attempt) == (("a2",), ("ben",), 2)


def test_push_all_looks_nobody_else_up_once_a_look_up_has_failed(users):
    pusher, connections, management_api, deliveries = users
    connections.failing = {"ann"}

    results = pusher.push_all([for_users("ann"), for_users("ben"), job("c1")], 5)

    assert [(result.delivered, result.queued) for result in results] == [(0, 1), (0, 1), (1, 0)]
    assert connections.asked == ["ann"]
    assert [left.user_ids for left in deliveries.jobs] == [("ann",), ("ben",)]
    assert list(management_api.received) == ["c1"]


def test_push_to_users_raises_if_they_can_neither_be_looked_up_nor_queued(users):
    pusher, connections, _, deliveries = users
    connections.failing, deliveries.down = {"ann"}, True
    with pytest.raises(StoreUnavailable):
        pusher.push(for_users("ann"), 5)
    assert pusher.push_all([for_users("ann"), for_users("cid")], 5)[0] is None


def test_push_to_users_who_are_never_found_ends_as_a_dead_letter(users):
    _, connections, management_api, deliveries = users
    connections.failing = {"ann"}
    undeliverable = MemoryDeadLetterQueue()
    pusher = Pusher(
        management_api, connections, MemorySubscriptions(connections), deliveries, undeliverable=undeliverable
    )

    pusher.push_all([for_users("ann", attempt=ATTEMPTS_MAX)], 5)

    [(body, _)] = undeliverable.entries
    assert decode_job(body).user_ids == ("ann",)
    assert deliveries.jobs == []
