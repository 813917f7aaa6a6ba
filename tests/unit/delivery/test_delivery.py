"""The delivery function on in-memory twins."""

import json

import pytest

from delivery import handler as delivery
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.history.base import Finished
from realtime_core.history.memory import MemoryHistory
from realtime_core.push.base import DeliveryJob
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.planning import encode_job
from realtime_core.push.pusher import Pusher
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.admitted import NOW_MS, new_event

NOW = 1_795_382_480


class Clock:
    """A Lambda context; posting takes `post_seconds` of the time that is left."""

    aws_request_id = "l-1"

    def __init__(self, seconds):
        self.left = seconds

    def get_remaining_time_in_millis(self):
        return self.left * 1000


class TimedManagementApi(MemoryManagementApi):
    """Records the order of posts, and the time budget of each call."""

    def __init__(self):
        super().__init__()
        self.payloads, self.budgets = [], []

    def post_all(self, posts, budget_seconds):
        self.payloads += [payload for payload, _ in posts]
        self.budgets.append(budget_seconds)
        return super().post_all(posts, budget_seconds)


@pytest.fixture
def outside(monkeypatch):
    connections, management_api, deliveries = MemoryConnections(), TimedManagementApi(), MemoryDeliveries()
    pusher = Pusher(management_api, connections, MemorySubscriptions(connections), deliveries)
    monkeypatch.setattr(delivery, "_pusher", lambda: pusher)
    return management_api, deliveries


def batch(*bodies):
    return {"Records": [{"messageId": f"m{at}", "body": body} for at, body in enumerate(bodies)]}


def job(payload, priority="deal", ids=None):
    """A job for one connection of its own, unless others are named."""
    return encode_job(DeliveryJob(payload, tuple(ids or [f"to {payload}"]), priority, "e1", 0))


def test_delivery_posts_messages_before_notifications_before_deals(outside):
    management_api, _ = outside
    event = batch(
        job("deal 1"),
        job("note", "notification"),
        job("deal 2"),
        job("hello", "message"),
        job("hi", "message"),
    )

    assert delivery.handler(event, Clock(60)) == {"batchItemFailures": []}
    assert management_api.payloads == ["hello", "hi", "note", "deal 1", "deal 2"]


def test_delivery_posts_all_jobs_side_by_side_and_keeps_a_reserve(outside):
    management_api, _ = outside
    delivery.handler(batch(*(job(f"deal {number}") for number in range(5))), Clock(30))
    assert management_api.budgets == [pytest.approx(22)]


def test_delivery_without_time_puts_every_job_back(outside):
    _, deliveries = outside
    assert delivery.handler(batch(job("1"), job("2")), Clock(1)) == {"batchItemFailures": []}
    left = [(job.connection_ids, job.attempt) for job in deliveries.jobs]
    assert left == [(("to 1",), 1), (("to 2",), 1)], "that they were not tried is no failed attempt"


def test_delivery_hands_back_what_it_cannot_read_or_requeue_and_posts_the_rest(outside):
    management_api, deliveries = outside
    deliveries.down = True
    management_api.answers["slow"] = [503]
    event = batch("no job", job("stuck", ids=["slow"]), job("fine"))

    failed = delivery.handler(event, Clock(60))["batchItemFailures"]

    assert [item["itemIdentifier"] for item in failed] == ["m0", "m1"]
    assert management_api.received == {"to fine": ["fine"]}


def test_delivery_sends_what_one_connection_is_due_in_one_frame(outside):
    management_api, _ = outside
    event = batch(
        job('{"n":1}', ids=["a", "b"]), job('{"n":2}', ids=["b", "c"]), job('{"n":3}', "message", ids=["b"])
    )
    assert delivery.handler(event, Clock(60)) == {"batchItemFailures": []}
    assert management_api.received["a"] == ['{"n":1}']
    assert management_api.received["c"] == ['{"n":2}']
    ((frame,),) = [management_api.received["b"]]
    packed = json.loads(frame)
    assert (packed["type"], packed["data"]["frames"]) == ("batch", [{"n": 3}, {"n": 1}, {"n": 2}])
    assert len(management_api.payloads) == 3


def test_delivery_keeps_the_frames_of_a_job_together_and_completes_it_once(monkeypatch):
    """They share a `batch` frame with those of other jobs for the same connection, never one in another."""
    connections, management_api, history = MemoryConnections(), MemoryManagementApi(), MemoryHistory()
    pusher = Pusher(
        management_api, connections, MemorySubscriptions(connections), MemoryDeliveries(), chunks=history
    )
    monkeypatch.setattr(delivery, "_pusher", lambda: pusher)
    claims = history.claim_all([new_event("e1"), new_event("e2")], NOW_MS)
    history.expect_chunks(7, 2, claims)
    history.finish_all([Finished(claim, "queued", in_flight=True) for claim in claims])
    jobs = [
        DeliveryJob('{"n":1}\n{"n":2}', ids, "deal", "e1,e2", 0, tracking_id=7, chunk=chunk)
        for chunk, ids in enumerate([("a", "b"), ("c",)])
    ]

    delivery.handler(batch(encode_job(jobs[0]), job('{"n":3}', ids=["b"])), Clock(60))
    frames = {name: json.loads(frame) for name, [frame] in management_api.received.items()}
    assert frames["a"]["data"]["frames"] == [{"n": 1}, {"n": 2}]
    assert frames["b"]["data"]["frames"] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert history.settled(NOW_MS // 1000) < claims[0].position

    delivery.handler(batch(encode_job(jobs[1])), Clock(60))
    assert history.settled(NOW_MS // 1000) == claims[1].position


def test_delivery_tries_again_each_job_of_a_batch_that_was_not_sent(outside):
    management_api, deliveries = outside
    management_api.answers["b"] = [503]
    delivery.handler(batch(job('{"n":1}', ids=["a", "b"]), job('{"n":2}', ids=["b"])), Clock(60))
    left = {job.payload: (job.connection_ids, job.attempt) for job in deliveries.jobs}
    assert left == {'{"n":1}': (("b",), 2), '{"n":2}': (("b",), 2)}
    assert management_api.received == {"a": ['{"n":1}']}


def test_delivery_looks_up_the_connections_of_users(monkeypatch):
    connections, management_api = MemoryConnections(), MemoryManagementApi()
    connections.add(Connection("a1", "ann", NOW, NOW + 60))
    pusher = Pusher(
        management_api, connections, MemorySubscriptions(connections), MemoryDeliveries(), now=lambda: NOW
    )
    monkeypatch.setattr(delivery, "_pusher", lambda: pusher)
    body = encode_job(DeliveryJob("hello", (), "message", "e1", 0, user_ids=("ann",)))

    assert delivery.handler(batch(body), Clock(60)) == {"batchItemFailures": []}
    assert management_api.received == {"a1": ["hello"]}
