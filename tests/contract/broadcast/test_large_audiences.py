"""Audiences that are planned as they are read, on DynamoDB's adapters and its pages."""

import os
from collections import Counter

import pytest

from broadcast import subscribers
from broadcast.group_index import GroupIndex
from broadcast.inboxes import Inboxes
from broadcast.publisher import Publisher
from broadcast.subscribers import Subscribers
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.history.dynamodb_chunks import DynamoChunks
from realtime_core.history.dynamodb_in_flight import DynamoInFlight
from realtime_core.push.memory import MemoryDeliveries, MemoryManagementApi
from realtime_core.push.pusher import Pusher
from realtime_core.wire.events import parse_event
from tests.contract.support.cases import ANY, NOW, PHONES, connection
from tests.contract.support.watched_clients import paged, watching

BOOKS = [f"b{number:02}" for number in range(12)]
BOTH = [f"both{number:02}" for number in range(9)]
EVERYTHING = [f"e{number:02}" for number in range(12)]


@pytest.fixture
def queue():
    return MemoryDeliveries()


@pytest.fixture
def pusher(dynamo_stores, dynamodb, queue):
    """What `broadcast` and `delivery` post with."""
    chunks = DynamoChunks(dynamodb, "history", lambda: NOW)
    ports = (MemoryManagementApi(), dynamo_stores.connections, dynamo_stores.subscriptions, queue)
    return Pusher(*ports, chunks=chunks, now=lambda: NOW)


@pytest.fixture
def publish(monkeypatch, dynamo_stores, dynamodb, queue, pusher):
    """Publish one event by a process of its own, whose time ends after its first chunk."""
    monkeypatch.setattr(subscribers, "LARGE_SHARDS", -1)
    event = parse_event({"messageType": "deal", "topic": "books", "data": {"category": "phones"}})

    def attempt():
        subscriptions = dynamo_stores.subscriptions
        publisher = Publisher(
            subscribers=Subscribers(subscriptions, GroupIndex(subscriptions), window=5),
            inboxes=Inboxes(dynamo_stores.messages, dynamo_stores.connections),
            admission=DynamoAdmission(dynamodb, "history", os.urandom, now=lambda: NOW),
            deliveries=queue,
            pusher=pusher,
            direct_max=0,
            now=lambda: NOW,
            clock=lambda: len(queue.jobs),
        )
        return publisher.publish(event, "e1", deadline=len(queue.jobs) + 0.5)

    return attempt


def subscribe(stores, connection_ids, topic, at_ms, wanted=ANY):
    for connection_id in connection_ids:
        if stores.connections.get(connection_id) is None:
            stores.connections.add(connection(connection_id))
        stores.subscriptions.subscribe(connection_id, topic, wanted, NOW, received_ms=at_ms)


def test_attempts_that_each_plan_a_window_bring_everybody_the_event_once(
    dynamo_stores, dynamodb, queue, pusher, publish
):
    long_ago = (NOW - 600) * 1000
    subscribe(dynamo_stores, BOOKS, "books", long_ago)
    subscribe(dynamo_stores, BOTH, "books", long_ago, PHONES)
    subscribe(dynamo_stores, EVERYTHING + BOTH, "all-deals", long_ago)

    attempts, answer = 0, {"more": True}
    with paged(dynamodb, 2), watching(dynamodb) as watch:
        while "more" in answer:
            answer = publish()
            attempts += 1
    assert attempts >= 5
    assert watch.calls["PutItem"] == 1, "one batch in flight, which the attempts take over"

    jobs = queue.jobs
    times = Counter(item for job in jobs for item in job.connection_ids)
    assert times == dict.fromkeys(BOOKS + BOTH + EVERYTHING, 1)
    assert [job.chunk for job in jobs] == list(range(len(jobs)))
    assert answer["total"] == len(times)
    assert publish() == answer

    in_flight = DynamoInFlight(dynamodb, "history")
    for job in jobs:
        assert in_flight.lowest(NOW) is not None
        pusher.push_all([job], 20)
    assert in_flight.lowest(NOW) is None
