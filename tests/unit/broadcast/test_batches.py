"""Several events at once: an envelope, the records of an SQS batch, and the time of the invocation."""

import json

import pytest

from broadcast import handler
from broadcast.publisher import Submission
from broadcast.wiring import Broadcast
from realtime_core.errors import StoreUnavailable
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryEventsQueue

DEAL = {"messageType": "deal", "topic": "books", "data": {}}
BAD = {"messageType": "deal", "topic": "No Topic", "data": {}}
USERS = [f"user-{number}" for number in range(1_000)]


class Context:
    """An invocation of 30 seconds, of which each call of the publisher takes some."""

    aws_request_id = "request-1"

    def __init__(self):
        self.left = 30.0

    def get_remaining_time_in_millis(self):
        return int(self.left * 1000)


class SlowPublisher:
    """Takes `seconds` of the invocation for each call; events with an id in `failing` fail.

    Those with an id in `paused` have audiences with more than there was time for.
    """

    def __init__(self, context, seconds=0.1):
        self.context, self.seconds, self.failing, self.calls = context, seconds, set(), []
        self.paused = set()

    @property
    def published(self):
        return [event_id for call in self.calls for event_id in call]

    def publish_all(self, submissions, deadline=None):
        self.context.left -= self.seconds
        self.calls.append([item.event_id for item in submissions])
        return [
            StoreUnavailable("the table is away")
            if item.event_id in self.failing
            else {
                "broadcast": "success",
                "eventId": item.event_id,
                **({"more": True} if item.event_id in self.paused else {}),
            }
            for item in submissions
        ]

    def publish(self, event, event_id, origin=None, *, deadline=None):
        return self.publish_all([Submission(event, event_id, origin)], deadline)[0]


class Function:
    """The function with a publisher of its own."""

    def __init__(self):
        self.context = Context()
        self.publisher = SlowPublisher(self.context)
        self.dead_letters, self.events = MemoryDeadLetterQueue(), MemoryEventsQueue()

    def invoke(self, payload):
        return handler.handler(payload, self.context)

    def invoke_with(self, *events):
        """Invoke it with an envelope; returns the results of its events."""
        answer = self.invoke({"events": list(events)})
        body = json.loads(answer["body"])
        assert (answer["statusCode"], body["broadcast"]) == (200, "success")
        return body["results"]

    def queue(self, *bodies):
        """Invoke it with a batch of SQS; returns the ids of the messages that failed."""
        records = [
            {"eventSource": "aws:sqs", "messageId": f"m{number}", "body": json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
        return [item["itemIdentifier"] for item in self.invoke({"Records": records})["batchItemFailures"]]


@pytest.fixture
def function(monkeypatch):
    made = Function()
    broadcast = Broadcast(made.publisher, made.dead_letters, made.events)
    monkeypatch.setattr(handler, "_broadcast", lambda: broadcast)
    return made


@pytest.mark.parametrize(("seconds", "published"), [(0.05, 10), (10, 2), (29, 1)])
def test_events_that_there_is_no_time_for_are_left_to_the_queue(function, seconds, published):
    """A function that times out would repeat the events that it has published, and again run out of time."""
    function.publisher.seconds = seconds
    large = {"messageType": "sale", "recipients": USERS, "data": {}}

    failed = function.queue(*[large] * 10)

    assert function.publisher.published == [f"m{number}" for number in range(published)]
    assert failed == [f"m{number}" for number in range(published, 10)]


def test_messages_of_one_invocation_are_published_together_envelopes_too(function):
    assert function.queue(DEAL, {"events": [DEAL, {**DEAL, "eventId": "mine"}]}, DEAL) == []
    assert function.publisher.calls == [["m0", "m1.0", "mine", "m2"]]


def test_a_bad_event_of_an_envelope_harms_no_other_and_is_kept_with_its_reason(function):
    results = function.invoke_with(DEAL, BAD, {**DEAL, "eventId": "mine"})

    assert [result["broadcast"] for result in results] == ["success", "rejected", "success"]
    assert [result.get("eventId") for result in results] == ["request-1.0", None, "mine"]
    assert results[1]["errors"][0]["field"] == "topic"
    [(kept, reason)] = function.dead_letters.entries
    assert (json.loads(kept), "topic" in reason) == (BAD, True)


def test_an_envelope_of_bad_events_alone_is_answered_and_publishes_nothing(function):
    assert [result["broadcast"] for result in function.invoke_with(BAD, 7)] == ["rejected", "rejected"]
    assert (function.publisher.calls, len(function.dead_letters.entries)) == ([], 2)


@pytest.mark.parametrize(
    ("envelope", "field"),
    [
        ({"events": []}, "events"),
        ({"events": [DEAL] * 101}, "events"),
        ({"events": {}}, "events"),
        ({"events": None}, "events"),
        ({"events": [DEAL], "topic": "books"}, "topic"),
    ],
)
def test_a_bad_envelope_is_answered_400_and_kept(function, envelope, field):
    answer = function.invoke(envelope)
    assert answer["statusCode"] == 400
    assert [problem["field"] for problem in json.loads(answer["body"])["errors"]] == [field]
    assert function.queue(envelope) == []
    assert len(function.dead_letters.entries) == 2


def test_an_event_of_an_invoke_that_fails_just_now_is_tried_again_by_the_queue_under_its_id(function):
    """Whether the caller waits is not known: an asynchronous invoke that was answered is not retried."""
    function.publisher.failing = {"request-1.1"}

    results = function.invoke_with(DEAL, DEAL, BAD)

    assert [result["broadcast"] for result in results] == ["success", "failed", "rejected"]
    assert results[1]["eventId"] == "request-1.1"
    [body] = function.events.bodies
    assert json.loads(body) == {**DEAL, "eventId": "request-1.1"}
    assert len(function.dead_letters.entries) == 1


@pytest.mark.parametrize("queue_is_down", [False, True])
def test_an_invoke_fails_where_none_of_its_events_is_published_or_kept_and_refuses_none_yet(
    function, queue_is_down
):
    """Lambda retries it with the same request id; what is refused is refused by the last attempt alone."""
    function.events.down = queue_is_down
    function.publisher.failing = {"request-1.0"} if queue_is_down else {"request-1.0", "request-1.1"}
    with pytest.raises(StoreUnavailable):
        function.invoke_with(DEAL, DEAL, BAD)
    assert (function.events.bodies, function.dead_letters.entries) == ([], [])


def test_a_message_with_an_event_that_fails_just_now_comes_again_whole(function):
    function.publisher.failing = {"m0.1"}
    assert function.queue({"events": [DEAL, DEAL, BAD]}, DEAL) == ["m0"]
    assert function.dead_letters.entries == [], "the refused one comes again with it"

    function.publisher.failing = set()
    assert function.queue({"events": [DEAL, DEAL, BAD]}) == []
    assert len(function.dead_letters.entries) == 1


def test_an_envelope_in_the_envelope_of_a_carrier_has_ids_from_the_carriers(function):
    sns = {"Type": "Notification", "MessageId": "sns-1", "Message": json.dumps({"events": [DEAL, DEAL]})}
    invoked = {"requestContext": {"requestId": "request-9"}, "requestPayload": {"events": [DEAL]}}
    assert function.queue(sns, sns, invoked) == []
    assert function.publisher.published == ["sns-1.0", "sns-1.1", "sns-1.0", "sns-1.1", "request-9.0"]


def test_an_audience_with_more_than_there_is_time_for_goes_on_by_the_queue_under_its_id(function):
    function.publisher.paused = {"request-1", "request-1.1", "m0", "m1.1"}
    answer = function.invoke(DEAL)
    assert json.loads(answer["body"]) == {"broadcast": "success", "eventId": "request-1", "more": True}
    results = function.invoke_with(DEAL, DEAL)
    assert [result.get("more") for result in results] == [None, True]
    assert function.queue(DEAL, {"events": [DEAL, DEAL]}) == []
    assert [json.loads(body) for body in function.events.bodies] == [
        {**DEAL, "eventId": event_id} for event_id in ("request-1", "request-1.1", "m0", "m1.1")
    ]


def test_what_goes_on_keeps_the_mark_of_the_region_that_forwarded_it(function):
    function.publisher.paused = {"e1"}
    forwarded = {"forwardedEvent": {**DEAL, "eventId": "e1"}, "acceptedAtMs": 7, "origin": "deals@eu-west-1"}
    assert function.queue(forwarded) == []
    assert [json.loads(body) for body in function.events.bodies] == [forwarded]


def test_a_message_whose_audience_cannot_go_on_by_the_queue_comes_again(function):
    function.publisher.paused = {"m0"}
    function.events.down = True
    assert function.queue(DEAL, DEAL) == ["m0"]
