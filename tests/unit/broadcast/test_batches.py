"""A batch of queued events, and the time of the invocation."""

import json

import pytest

from broadcast import handler
from broadcast.wiring import Broadcast
from realtime_core.push.memory import MemoryDeadLetterQueue


class Context:
    """An invocation of 30 seconds, of which each event takes some."""

    aws_request_id = "request-1"

    def __init__(self):
        self.left = 30.0

    def get_remaining_time_in_millis(self):
        return int(self.left * 1000)


class SlowPublisher:
    """Takes `seconds` of the invocation for each event."""

    def __init__(self, context, seconds):
        self.context, self.seconds, self.published = context, seconds, []

    def publish(self, _event, event_id, _origin=None):
        self.context.left -= self.seconds
        self.published.append(event_id)
        return {"broadcast": "success", "eventId": event_id}


@pytest.mark.parametrize(("seconds", "published"), [(0.05, 10), (10, 2), (29, 1)])
def test_events_of_a_batch_that_there_is_no_time_for_are_left_to_the_queue(monkeypatch, seconds, published):
    """A function that times out would repeat the events that it has published, and again run out of time."""
    context = Context()
    publisher = SlowPublisher(context, seconds)
    monkeypatch.setattr(handler, "_broadcast", lambda: Broadcast(publisher, MemoryDeadLetterQueue()))
    ids = [f"m{number}" for number in range(10)]
    body = json.dumps({"messageType": "deal", "topic": "books", "data": {}})
    records = [{"eventSource": "aws:sqs", "messageId": name, "body": body} for name in ids]

    failed = handler.handler({"Records": records}, context)["batchItemFailures"]

    assert publisher.published == ids[:published]
    assert [item["itemIdentifier"] for item in failed] == ids[published:]
