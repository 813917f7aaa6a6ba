"""What the transports send and return: boto3 against real sockets and moto, redis-py against a real Redis."""

import builtins
import json
import os

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from deals_publisher import (
    Event,
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
from tests.contract.redis_relay.conftest import client_of
from tests.contract.redis_relay.lambda_endpoint import Failed, Throttled, lambda_endpoint

RESPONSE = {"broadcast": "success", "eventId": "e", "position": 7, "delivered": 2, "queued": 1, "total": 3}


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
        endpoint.function = lambda event: {"statusCode": 200, "body": json.dumps(RESPONSE)}
        yield endpoint


@pytest.fixture
def publisher(broadcast, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", broadcast.url)
    return Publisher(LambdaInvoke("deals-test-broadcast"))


def test_invoke_returns_how_many_connections_got_the_event(broadcast, publisher):
    result = publisher.publish_event("books", {"title": "Ä"}, filters={"x": 1}, event_id="e")
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


def test_invoke_that_is_throttled_is_retried_under_the_same_id(broadcast, publisher):
    def function(event):
        if len(broadcast.tries) < 3:
            raise Throttled
        return {"statusCode": 200, "body": json.dumps(RESPONSE)}

    broadcast.function = function
    publisher.publish_event("books", {})
    assert len({event["eventId"] for event in broadcast.tries}) == 1
    assert len(broadcast.tries) == 3


def test_rejection_has_the_problems_that_the_service_reports(broadcast, publisher):
    errors = [{"field": "data", "problem": "is too large"}]
    broadcast.function = lambda event: {
        "statusCode": 400,
        "body": json.dumps({"broadcast": "rejected", "errors": errors}),
    }
    with pytest.raises(Rejected, match="data: is too large") as rejected:
        publisher.publish_event("books", {})
    assert rejected.value.problems == tuple(errors)


def test_failed_function_raises_not_published_with_the_id_to_retry(broadcast, publisher):
    def function(event):
        raise Failed("StoreUnavailable")

    broadcast.function = function
    with pytest.raises(NotPublished, match="StoreUnavailable") as failed:
        publisher.publish_event("books", {}, event_id="e")
    assert failed.value.event_id == "e"


def test_unreachable_service_raises_not_published():
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=0.2)
    unreachable = boto3.client("lambda", endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(NotPublished, match="call again with event_id='e'"):
        Publisher(LambdaInvoke("f", client=unreachable)).publish_event("books", {}, event_id="e")


def test_queue_gets_the_event_as_broadcast_reads_it():
    with mock_aws():
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="events")["QueueUrl"]
        result = Publisher(SqsQueue(url)).publish_message("ann", "hello \uffff", event_id="e")
        [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert (result.guarantee, result.reference) == (Guarantee.ACCEPTED, message["MessageId"])
    assert json.loads(message["Body"])["recipients"] == ["ann"]


def test_missing_queue_raises_not_published():
    with mock_aws(), pytest.raises(NotPublished, match=r"QueueDoesNotExist|NonExistentQueue"):
        Publisher(SqsQueue("https://sqs.eu-west-1.amazonaws.com/1/none")).publish_event("books", {})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RedisServer.start(tmp_path_factory.mktemp("redis")) as running:
        yield running


def connection_options(server):
    tls = {"ssl_ca_certs": str(server.authorities)} if server.authorities else {}
    return {"password": server.password, **tls}


def test_stream_gets_the_event_as_the_relay_reads_it(server):
    result = Publisher(RedisStream(server.url, **connection_options(server))).publish_event(
        "books", {"price": 1}, event_id="e"
    )
    assert result.guarantee is Guarantee.ACCEPTED
    [(entry_id, fields)] = client_of(server).xrange("deals:events")
    assert result.reference == entry_id
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    assert json.loads(from_entry(entry_id.encode(), raw)[0])["eventId"] == "e"


def test_channel_carries_the_event_as_the_relay_reads_it(server):
    publisher = Publisher(RedisChannel(server.url, **connection_options(server)))
    assert publisher.publish_event("books", {}).listeners == 0
    with client_of(server).pubsub() as listener:
        listener.psubscribe("deals:*")
        listener.get_message(timeout=5)
        result = publisher.publish_event("books", {"price": 1}, event_id="e")
        received = listener.get_message(timeout=5)
    assert (result.guarantee, result.listeners) == (Guarantee.AT_MOST_ONCE, 1)
    event = json.loads(from_channel(received["channel"].encode(), received["data"].encode())[0])
    assert (event["topic"], event["eventId"]) == ("books", "e")


def test_channel_for_users_is_refused_naming_the_other_transports(server):
    with pytest.raises(InvalidArgument, match=r"RedisStream, SqsQueue or LambdaInvoke"):
        Publisher(RedisChannel(server.url, **connection_options(server))).publish_message("ann", "hello")


def test_refused_login_raises_not_published(server):
    with pytest.raises(NotPublished, match="event_id='e'"):
        Publisher(
            RedisStream(server.url, **connection_options(server) | {"password": "wrong"})
        ).publish_event("books", {}, event_id="e")


@pytest.mark.parametrize("url", [None, "rediss://:secret@cache.example"])
def test_redis_url_that_is_missing_or_has_a_password_is_refused(url):
    with pytest.raises(InvalidArgument, match="url: ") as raised:
        RedisStream(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("module", "make"),
    [("boto3", lambda: SqsQueue("https://queue")), ("redis", lambda: RedisStream("redis://127.0.0.1"))],
)
def test_missing_extra_is_named(monkeypatch, module, make):
    real = builtins.__import__

    def import_without_module(name, *arguments, **more):
        if name.partition(".")[0] == module:
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", import_without_module)
    with pytest.raises(ImportError, match=r"pip install 'deals-client\["):
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
def test_invalid_transport_argument_is_named(make, argument):
    with pytest.raises(InvalidArgument, match=f"^{argument}: "):
        make()


@pytest.mark.parametrize("make", [lambda: LambdaInvoke("f"), lambda: SqsQueue("https://sqs.example/q")])
def test_missing_region_is_refused_naming_the_remedy(monkeypatch, make):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(InvalidArgument, match="AWS_REGION"):
        make()


EVENTS = [Event("books", {"n": number}, event_id=f"e{number}") for number in range(120)]


def test_events_are_published_by_one_invoke_for_a_hundred_and_each_has_its_result(broadcast, publisher):
    def function(event):
        if event["data"]["n"] == 7:
            return {"statusCode": 400, "body": json.dumps({"broadcast": "rejected", "errors": [
                {"field": "data", "problem": "is odd"}]})}  # fmt: skip
        body = {**RESPONSE, "position": event["data"]["n"]}
        if event["data"]["n"] == 8:
            body = {"broadcast": "failed", "eventId": "e8", "reason": "later"}
        return {"statusCode": 200, "body": json.dumps(body)}

    broadcast.function = function
    results = publisher.publish_events(EVENTS)

    assert [len(payload["events"]) for payload in broadcast.invokes] == [100, 20]
    assert isinstance(results[7], Rejected)
    assert results[8].guarantee is Guarantee.ACCEPTED
    others = [result for number, result in enumerate(results) if number not in {7, 8}]
    assert [(result.event_id, result.position) for result in others] == [
        (f"e{number}", number) for number in range(120) if number not in {7, 8}
    ]


def test_events_whose_invoke_fails_can_each_be_published_again_by_their_ids(broadcast, publisher):
    def function(_event):
        raise Failed("StoreUnavailable")

    broadcast.function = function
    results = publisher.publish_events(EVENTS[:2])
    assert [(type(result), result.event_id) for result in results] == [
        (NotPublished, "e0"),
        (NotPublished, "e1"),
    ]


def test_one_of_the_events_that_breaks_the_contract_is_named_and_nothing_is_sent(broadcast, publisher):
    with pytest.raises(InvalidArgument) as refused:
        publisher.publish_events([EVENTS[0], Event("No Topic", {})])
    assert (refused.value.argument, broadcast.invokes) == ("events[1].topic", [])


def test_queue_gets_many_events_in_a_message():
    with mock_aws():
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="events")["QueueUrl"]
        results = Publisher(SqsQueue(url)).publish_events(EVENTS)
        messages = []
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages += received
    sent = [event for message in messages for event in json.loads(message["Body"])["events"]]
    assert (len(messages), sorted(event["eventId"] for event in sent)) == (
        2,
        sorted(event.event_id for event in EVENTS),
    )
    assert {result.reference for result in results} == {message["MessageId"] for message in messages}


def test_redis_gets_many_events_at_once(server):
    options = connection_options(server)
    with client_of(server) as operator:
        operator.flushall()
        results = Publisher(RedisStream(server.url, **options)).publish_events(EVENTS)
        entries = operator.xrange("deals:events")
    assert [result.reference for result in results] == [entry_id for entry_id, _ in entries]
    assert [json.loads(fields["event"])["eventId"] for _, fields in entries] == [
        event.event_id for event in EVENTS
    ]
    results = Publisher(RedisChannel(server.url, **options)).publish_events(EVENTS[:3])
    assert [(result.event_id, result.listeners) for result in results] == [("e0", 0), ("e1", 0), ("e2", 0)]
