"""What the transports carry, and what they say of it: boto3 against real sockets and moto, a real Redis."""

import builtins
import json
import os

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from deals_publisher import (
    Guarantee,
    InvalidArgument,
    LambdaInvoke,
    NotPublished,
    Publisher,
    RedisChannel,
    RedisStream,
    Rejected,
    SqsQueue,
)
from local_cloud.redis import RedisServer
from redis_relay.events import from_channel, from_entry
from tests.contract.relay.conftest import client_of
from tests.contract.relay.lambda_endpoint import Failed, Throttled, lambda_endpoint

ANSWER = {"broadcast": "success", "eventId": "e", "position": 7, "delivered": 2, "queued": 1, "total": 3}


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in {
        "ACCESS_KEY_ID": "id",
        "SECRET_ACCESS_KEY": "key",
        "DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def broadcast():
    with lambda_endpoint() as endpoint:
        endpoint.function = lambda event: {"statusCode": 200, "body": json.dumps(ANSWER)}
        yield endpoint


@pytest.fixture
def by_invoke(broadcast, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", broadcast.url)
    return Publisher(LambdaInvoke("deals-test-broadcast"))


def test_invoke_tells_who_got_the_event(broadcast, by_invoke):
    result = by_invoke.publish_event("books", {"title": "Ä"}, filters={"x": 1}, event_id="e")
    assert (result.guarantee, result.position, result.delivered, result.queued) == (
        Guarantee.PUBLISHED,
        7,
        2,
        1,
    )
    assert broadcast.events == [
        {
            "messageType": "dealUpdate",
            "topic": "books",
            "data": {"title": "Ä"},
            "filters": {"x": 1},
            "eventId": "e",
        }
    ]


def test_invoke_that_is_throttled_is_tried_again_under_the_same_id(broadcast, by_invoke):
    def function(event):
        if len(broadcast.tries) < 3:
            raise Throttled
        return {"statusCode": 200, "body": json.dumps(ANSWER)}

    broadcast.function = function
    by_invoke.publish_event("books", {})
    assert len({event["eventId"] for event in broadcast.tries}) == 1
    assert len(broadcast.tries) == 3


def test_rejection_carries_the_services_words(broadcast, by_invoke):
    errors = [{"field": "data", "problem": "is too large"}]
    broadcast.function = lambda event: {
        "statusCode": 400,
        "body": json.dumps({"broadcast": "rejected", "errors": errors}),
    }
    with pytest.raises(Rejected, match="data: is too large") as rejected:
        by_invoke.publish_event("books", {})
    assert rejected.value.problems == tuple(errors)


def test_failed_function_is_not_published_and_names_the_id_to_repeat_with(broadcast, by_invoke):
    def function(event):
        raise Failed("StoreUnavailable")

    broadcast.function = function
    with pytest.raises(NotPublished, match="StoreUnavailable") as failed:
        by_invoke.publish_event("books", {}, event_id="e")
    assert failed.value.event_id == "e"


def test_service_out_of_reach_is_not_published():
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=0.2)
    nowhere = boto3.client("lambda", endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(NotPublished, match="call again with event_id='e'"):
        Publisher(LambdaInvoke("f", client=nowhere)).publish_event("books", {}, event_id="e")


def test_queue_has_the_event_as_broadcast_reads_it():
    with mock_aws():
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="events")["QueueUrl"]
        result = Publisher(SqsQueue(url)).publish_message("ann", "hello \uffff", event_id="e")
        [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert (result.guarantee, result.reference) == (Guarantee.ACCEPTED, message["MessageId"])
    assert json.loads(message["Body"])["recipients"] == ["ann"]


def test_queue_that_there_is_not_is_not_published():
    with mock_aws(), pytest.raises(NotPublished, match=r"QueueDoesNotExist|NonExistentQueue"):
        Publisher(SqsQueue("https://sqs.eu-west-1.amazonaws.com/1/none")).publish_event("books", {})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RedisServer.start(tmp_path_factory.mktemp("redis")) as running:
        yield running


def login(server):
    trusted = {"ssl_ca_certs": str(server.authorities)} if server.authorities else {}
    return {"password": server.password, **trusted}


def test_stream_has_the_event_as_the_relay_reads_it(server):
    result = Publisher(RedisStream(server.url, **login(server))).publish_event(
        "books", {"price": 1}, event_id="e"
    )
    assert result.guarantee is Guarantee.ACCEPTED
    [(entry_id, fields)] = client_of(server).xrange("deals:events")
    assert result.reference == entry_id
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    assert json.loads(from_entry(entry_id.encode(), raw))["eventId"] == "e"


def test_channel_carries_the_event_as_the_relay_reads_it(server):
    deals = Publisher(RedisChannel(server.url, **login(server)))
    assert deals.publish_event("books", {}).listeners == 0
    with client_of(server).pubsub() as listener:
        listener.psubscribe("deals:*")
        listener.get_message(timeout=5)
        result = deals.publish_event("books", {"price": 1}, event_id="e")
        heard = listener.get_message(timeout=5)
    assert (result.guarantee, result.listeners) == (Guarantee.AT_MOST_ONCE, 1)
    event = json.loads(from_channel(heard["channel"].encode(), heard["data"].encode()))
    assert (event["topic"], event["eventId"]) == ("books", "e")


def test_channel_for_people_is_refused_with_the_other_ways(server):
    with pytest.raises(InvalidArgument, match=r"RedisStream, SqsQueue or LambdaInvoke"):
        Publisher(RedisChannel(server.url, **login(server))).publish_message("ann", "hello")


def test_redis_that_refuses_is_not_published(server):
    with pytest.raises(NotPublished, match="event_id='e'"):
        Publisher(RedisStream(server.url, **login(server) | {"password": "wrong"})).publish_event(
            "books", {}, event_id="e"
        )


@pytest.mark.parametrize("url", [None, "rediss://:secret@cache.example"])
def test_redis_without_an_address_or_with_a_password_in_it_is_refused(url):
    with pytest.raises(InvalidArgument, match="url: ") as refused:
        RedisStream(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("module", "make"),
    [("boto3", lambda: SqsQueue("https://queue")), ("redis", lambda: RedisStream("redis://127.0.0.1"))],
)
def test_missing_extra_is_named(monkeypatch, module, make):
    real = builtins.__import__

    def without(name, *arguments, **more):
        if name.partition(".")[0] == module:
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'deals-publisher\["):
        make()


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: SqsQueue("deals-production-events"), "url"),
        (lambda: RedisStream("http://cache.example:6379"), "url"),
        (lambda: RedisStream(6379), "url"),
        (lambda: RedisStream(client=object(), password="p"), "password"),
        (lambda: Publisher(None), "transport"),
        (lambda: Publisher(SqsQueue), "transport"),
    ],
)
def test_what_cannot_carry_anything_is_refused_by_name(make, argument):
    with pytest.raises(InvalidArgument, match=f"^{argument}: "):
        make()


@pytest.mark.parametrize("make", [lambda: LambdaInvoke("f"), lambda: SqsQueue("https://sqs.example/q")])
def test_without_a_region_the_remedy_is_named(monkeypatch, make):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(InvalidArgument, match="AWS_REGION"):
        make()
