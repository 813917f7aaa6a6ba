"""What may be done with a dead letter."""

import json

import pytest

from deals_ops.dead_letters import Letter
from deals_ops.redrive_decision import judge_delivery, judge_event
from realtime_core.domain.events import parse_event
from realtime_core.domain.model import DeliveryJob
from realtime_core.domain.planning import decode_job, encode_job

NOW = 1_795_561_900.0
EVENT = {"messageType": "dealUpdate", "topic": "books", "data": {"price": 1}}


def letter(body, **attributes):
    text = body if isinstance(body, str) else json.dumps(body)
    return Letter("message-1", text, sent_at=int(NOW) - 60, receives=1, attributes=attributes)


@pytest.mark.parametrize(
    ("body", "event_id"),
    [
        pytest.param({**EVENT, "eventId": "mine"}, "mine", id="the-publishers-own"),
        pytest.param(EVENT, "message-1", id="the-queues"),
        pytest.param(
            {"Type": "Notification", "MessageId": "sns", "Message": json.dumps(EVENT)}, "message-1", id="sns"
        ),
        pytest.param({"detail-type": "x", "source": "y", "detail": EVENT}, "message-1", id="eventbridge"),
        pytest.param(
            {"requestContext": {"requestId": "r-1"}, "requestPayload": EVENT}, "r-1", id="failed-invocation"
        ),
        pytest.param(
            {"requestContext": {"requestId": "r-1"}, "requestPayload": {**EVENT, "eventId": "mine"}},
            "mine",
            id="failed-invocation-with-an-id",
        ),
    ],
)
def test_an_event_is_redriven_by_the_id_that_its_first_attempts_had(body, event_id):
    verdict = judge_event(letter(body), NOW)
    assert verdict.event_id == event_id
    event = parse_event(json.loads(verdict.body))
    assert (event.event_id, event.topic, event.data) == (event_id, "books", {"price": 1})
    assert verdict.about == "dealUpdate for books"


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (letter({**EVENT, "colour": 1}), "breaks the contract still: colour"),
        (letter("no json"), "breaks the contract still: body: not JSON"),
        (letter("[1]"), "breaks the contract still: body"),
        (letter(EVENT, originalBytes="300000"), "only the beginning of its 300000 bytes"),
        (
            letter({"requestContext": {}, "requestPayload": EVENT}),
            "'' cannot be an event id",
        ),
        (letter({"requestContext": {}, "requestPayload": "text"}), "breaks the contract still"),
    ],
)
def test_an_event_that_could_not_be_published_stays(one, why):
    verdict = judge_event(one, NOW)
    assert verdict.body is None
    assert why in verdict.why


def test_a_notification_is_told_by_the_number_of_its_recipients():
    body = {"messageType": "notification", "recipients": ["ann", "ben"], "data": {}}
    assert judge_event(letter(body), NOW).about == "notification for 2 users"


def job(age_seconds):
    published = int((NOW - age_seconds) * 1000)
    return DeliveryJob("{}", ("a=", "b="), "deal", "e-1", published, attempt=9, position=4, chunk=2)


def test_a_delivery_begins_again_at_its_first_attempt_and_is_else_the_same():
    verdict = judge_delivery(letter(encode_job(job(60))), NOW)
    again = decode_job(verdict.body)
    assert again.attempt == 1
    assert (again.connection_ids, again.position, again.chunk) == (("a=", "b="), 4, 2)
    assert (verdict.about, verdict.event_id) == ("deal for 2 connections", "e-1")


@pytest.mark.parametrize(
    ("body", "why"),
    [(encode_job(job(7_201)), "every connection of it has ended"), ("{}", "not a delivery job")],
)
def test_a_delivery_that_reaches_nobody_stays(body, why):
    verdict = judge_delivery(letter(body), NOW)
    assert verdict.body is None
    assert why in verdict.why
