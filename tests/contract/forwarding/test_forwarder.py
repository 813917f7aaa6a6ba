"""`forwarder` against the emulator's EventBridge, and against one that answers as a test scripts it."""

import json

import pytest

from forwarder import event_buses, handler
from realtime_core.forwarding.base import Forward, encode_forward
from realtime_core.initialization import BuiltAtInit
from tests.contract.support.emulator import emulator_url
from tests.contract.support.scripted_service import Scripted, answer, error, scripted_service
from tests.contract.support.watched_clients import aws_client

REGION = "eu-west-1"
TEXT = '{"forwardedEvent":{"messageType":"deal","data":{"text":"schön"},"eventId":"e1"},"acceptedAtMs":1}'


class Context:
    aws_request_id = "l-1"


def bus_arn(name="deals-forwarded", region=REGION):
    return f"arn:aws:events:{region}:000000000000:event-bus/{name}"


def forward(*forwards):
    """Invoke the function with a batch; return the ids of what failed."""
    records = [
        {"messageId": f"m{at}", "body": each if isinstance(each, str) else encode_forward(each)}
        for at, each in enumerate(forwards)
    ]
    failures = handler.handler({"Records": records}, Context())["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


@pytest.fixture
def at(monkeypatch):
    """Point the function at an endpoint, with settings."""

    def at(url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("FORWARD_EVENTS_TO", bus_arn())
        event_buses.region_client.cache_clear()
        monkeypatch.setattr(handler, "_settings", BuiltAtInit(handler._build))

    yield at
    event_buses.region_client.cache_clear()


@pytest.fixture
def received(cloud, at):
    """A bus whose rule has a queue as its target; a function that returns the envelopes in the queue."""
    at(emulator_url())
    events, sqs = aws_client("events"), aws_client("sqs")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    events.create_event_bus(Name="deals-forwarded")
    pattern = json.dumps({"source": [event_buses.SOURCE], "detail-type": [event_buses.DETAIL_TYPE]})
    events.put_rule(Name="in", EventBusName="deals-forwarded", EventPattern=pattern)
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:000000000000:events"}
    events.put_targets(Rule="in", EventBusName="deals-forwarded", Targets=[target])

    def received():
        messages = []
        while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages += more
        return [json.loads(message["Body"]) for message in messages]

    return received


def test_event_reaches_the_queue_behind_the_bus_of_its_region(received):
    """The function runs in us-east-1: the bus's ARN decides where it signs and calls."""
    assert forward(Forward(bus_arn(), TEXT)) == []
    [envelope] = received()
    assert (envelope["detail"], envelope["region"]) == (json.loads(TEXT), REGION)


def test_full_batch_takes_one_call_and_arrives_whole(received):
    assert forward(*[Forward(bus_arn(), json.dumps({"n": n})) for n in range(10)]) == []
    assert sorted(envelope["detail"]["n"] for envelope in received()) == list(range(10))


def test_message_that_cannot_be_read_stays_alone(received):
    assert forward("no bus\n{}", Forward(bus_arn(), TEXT)) == ["m0"]
    assert len(received()) == 1


@pytest.fixture
def scripted(at):
    with scripted_service() as service:
        at(service.url)
        yield service


def accepted(*codes):
    """The answer to PutEvents, with an error code or None for each entry."""
    entries = [{"EventId": "x"} if code is None else {"ErrorCode": code} for code in codes]
    return answer({"FailedEntryCount": sum(code is not None for code in codes), "Entries": entries})


def test_call_names_the_bus_by_its_arn_and_carries_the_text(scripted):
    scripted.script = [accepted(None)]
    assert forward(Forward(bus_arn(region="eu-central-1"), TEXT)) == []

    [(headers, body)] = scripted.requests
    assert headers["x-amz-target"] == "awsevents.putevents"  # in lower case, as the test reads headers
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert "/eu-central-1/events/aws4_request" in headers["authorization"]
    assert json.loads(body) == {
        "Entries": [
            {
                "Source": "deals-websocket",
                "DetailType": "ForwardedEvent",
                "EventBusName": bus_arn(region="eu-central-1"),
                "Detail": TEXT,
            }
        ]
    }


def test_only_what_the_bus_did_not_accept_is_tried_again(scripted):
    scripted.script = [accepted(None, "ThrottlingException", None)]
    assert forward(*[Forward(bus_arn(), TEXT)] * 3) == ["m1"]


def test_large_events_are_split_over_calls(scripted):
    scripted.script = [accepted(None, None), accepted(None)]
    assert forward(*[Forward(bus_arn(), "x" * 100_000)] * 3) == []
    assert [len(json.loads(body)["Entries"]) for _, body in scripted.requests] == [2, 1]


def test_after_a_call_that_fails_no_other_is_made_for_the_bus(scripted):
    scripted.script = [accepted(None, None), error("AccessDeniedException")]
    assert forward(*[Forward(bus_arn(), "x" * 100_000)] * 5) == ["m2", "m3", "m4"]
    assert len(scripted.requests) == 2


def test_region_that_breaks_connections_costs_two_attempts_for_all_of_its_events(scripted):
    scripted.script = [Scripted.CLOSE]
    assert forward(Forward(bus_arn(), TEXT), Forward(bus_arn(), TEXT)) == ["m0", "m1"]
    # One more where the connection that was opened ahead turned out to be closed.
    assert len(scripted.requests) <= event_buses.ATTEMPTS + 1


def test_bus_that_fails_holds_up_no_other(scripted):
    """The two calls come at once, so the answers are told apart by their bus."""
    scripted.script = [accepted(None), error("ResourceNotFoundException")]
    left = forward(Forward(bus_arn(), TEXT), Forward(bus_arn("other"), TEXT))
    assert len(left) == 1
