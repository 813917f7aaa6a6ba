"""The id under which an event is published, by every way that an event comes and comes again."""

import json

import pytest

from broadcast import handler
from broadcast.publisher import Submission
from broadcast.wiring import Broadcast
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryEventsQueue

DEAL = {"messageType": "dealUpdate", "topic": "books", "data": {"price": 9}}
NAMED = {**DEAL, "eventId": "mine"}


class RecordingPublisher:
    """Records the ids that events are published under."""

    def __init__(self):
        self.event_ids = []

    def publish(self, event, event_id, origin=None, *, deadline=None):
        return self.publish_all([Submission(event, event_id, origin)])[0]

    def publish_all(self, submissions, deadline=None):
        self.event_ids += [item.event_id for item in submissions]
        return [{"broadcast": "success", "eventId": item.event_id} for item in submissions]


class Context:
    """An invocation; Lambda retries an asynchronous one with the same id."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self):
        return 30_000


@pytest.fixture
def published(monkeypatch):
    publisher = RecordingPublisher()
    broadcast = Broadcast(publisher, MemoryDeadLetterQueue(), MemoryEventsQueue())
    monkeypatch.setattr(handler, "_broadcast", lambda: broadcast)
    return publisher.event_ids


def queued(*messages):
    """Invoke the function with a batch of (message id, body)."""
    records = [
        {"eventSource": "aws:sqs", "messageId": message_id, "body": json.dumps(body)}
        for message_id, body in messages
    ]
    return handler.handler({"Records": records}, Context())


def sns(event):
    return {"Type": "Notification", "MessageId": "sns-1", "Message": json.dumps(event)}


def eventbridge(event):
    return {"id": "bridge-1", "detail-type": "deal", "source": "shop", "detail": event}


@pytest.mark.parametrize(
    ("body", "event_ids"),
    [
        pytest.param(sns(DEAL), ["sns-1", "sns-1"], id="sns"),
        pytest.param(eventbridge(DEAL), ["bridge-1", "bridge-1"], id="eventbridge"),
        pytest.param(sns(eventbridge(DEAL)), ["bridge-1", "bridge-1"], id="eventbridge-in-sns"),
        pytest.param(sns(NAMED), ["mine", "mine"], id="sns-with-the-publishers-own"),
        pytest.param(eventbridge(NAMED), ["mine", "mine"], id="eventbridge-with-the-publishers-own"),
        pytest.param(DEAL, ["queue-1", "queue-2"], id="two-messages-of-the-queue-are-two-events"),
    ],
)
def test_envelope_that_comes_as_two_messages_of_the_queue_is_one_event(published, body, event_ids):
    assert queued(("queue-1", body), ("queue-2", body)) == {"batchItemFailures": []}
    assert published == event_ids


def test_message_that_the_queue_delivers_twice_is_one_event(published):
    for _ in range(2):
        queued(("queue-1", DEAL))
    assert published == ["queue-1", "queue-1"]


def test_asynchronous_invocation_that_lambda_retries_is_one_event(published):
    for _ in range(2):
        handler.handler(DEAL, Context())
    assert published == ["request-1", "request-1"]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"body": None},
        {"body": {}},
        {"messageId": 1, "body": "{}"},
        {"messageId": "\udcff-1", "body": json.dumps(DEAL)},
        {"messageId": "m\n1", "body": json.dumps(DEAL)},
        {"messageId": "m" * 65, "body": json.dumps(DEAL)},
        {"messageId": "", "body": json.dumps(DEAL)},
        {"attributes": [], "body": json.dumps(DEAL)},
        {"attributes": {"SentTimestamp": "soon"}, "body": json.dumps(DEAL)},
        {"attributes": {"SentTimestamp": "9" * 5_000}, "body": json.dumps(DEAL)},
    ],
    ids=[
        "no body",
        "null",
        "an object",
        "an id that is no text",
        "an id that is no Unicode",
        "an id of two lines",
        "a long id",
        "an empty id",
        "attributes that are a list",
        "a time that is a word",
        "a time of thousands of digits",
    ],
)
def test_invoke_that_resembles_a_batch_of_the_queue_is_answered_as_an_invoke(published, record):
    """Who may invoke the function writes its whole payload."""
    records = [{"eventSource": "aws:sqs", "messageId": "m-1", **record}]
    answer = handler.handler({"Records": records}, Context())
    assert (answer["statusCode"], published) == (400, [])
