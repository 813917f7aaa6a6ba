"""Which dead letters can be sent again, and with which body."""

import json

import pytest

from deals_ops.dead_letters import DeadLetter
from deals_ops.redrive_decision import decide_delivery, decide_event, decide_forward
from realtime_core.forwarding.base import Forward, encode_forward
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import decode_job, encode_job
from realtime_core.wire.events import parse_event

NOW = 1_795_561_900.0
EVENT = {"messageType": "dealUpdate", "topic": "books", "data": {"price": 1}}


def dead_letter(body, **attributes):
    text = body if isinstance(body, str) else json.dumps(body)
    return DeadLetter("message-1", text, sent_at=int(NOW) - 60, receives=1, attributes=attributes)


@pytest.mark.parametrize(
    ("body", "event_id"),
    [
        pytest.param({**EVENT, "eventId": "mine"}, "mine", id="the-publishers-own"),
        pytest.param(EVENT, "message-1", id="the-queues"),
        pytest.param(
            {"Type": "Notification", "MessageId": "sns", "Message": json.dumps(EVENT)}, "sns", id="sns"
        ),
        pytest.param(
            {"id": "bridge", "detail-type": "x", "source": "y", "detail": EVENT}, "bridge", id="eventbridge"
        ),
        pytest.param(
            {"detail-type": "x", "source": "y", "detail": EVENT}, "message-1", id="envelope-without-an-id"
        ),
        pytest.param(
            {"id": "bridge", "detail-type": "x", "detail": {**EVENT, "eventId": "mine"}},
            "mine",
            id="the-publishers-own-in-an-envelope",
        ),
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
def test_an_event_is_redriven_under_the_id_of_its_first_attempts(body, event_id):
    decision = decide_event(dead_letter(body), NOW)
    assert decision.event_id == event_id
    event = parse_event(json.loads(decision.body))
    assert (event.event_id, event.topic, event.data) == (event_id, "books", {"price": 1})
    assert decision.about == "dealUpdate for books"


def test_an_event_that_another_region_forwarded_keeps_its_mark():
    """Without it, the event would be forwarded back to where it came from."""
    wrapped = {"forwardedEvent": {**EVENT, "eventId": "e1"}, "acceptedAtMs": 7, "origin": "deals@eu-west-1"}
    envelope = {"id": "bridge", "detail-type": "ForwardedEvent", "source": "x", "detail": wrapped}

    decision = decide_event(dead_letter(envelope), NOW)

    assert json.loads(decision.body) == wrapped
    assert decision.event_id == "e1"


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (dead_letter({**EVENT, "colour": 1}), "still breaks the contract: colour"),
        (dead_letter("no json"), "still breaks the contract: body: not JSON"),
        (dead_letter("[1]"), "still breaks the contract: body"),
        (dead_letter(EVENT, originalBytes="300000"), "only the beginning of its 300000 bytes"),
        (dead_letter({"requestContext": {}, "requestPayload": "text"}), "still breaks the contract"),
    ],
)
def test_an_event_that_could_not_be_published_stays(kept, why):
    decision = decide_event(kept, NOW)
    assert decision.body is None
    assert why in decision.why


def test_a_notification_is_described_by_the_number_of_its_recipients():
    body = {"messageType": "notification", "recipients": ["ann", "ben"], "data": {}}
    assert decide_event(dead_letter(body), NOW).about == "notification for 2 users"


def job(age_seconds):
    published = int((NOW - age_seconds) * 1000)
    return DeliveryJob("{}", ("a=", "b="), "deal", "e-1", published, attempt=9, tracking_id=4, chunk=2)


def test_a_delivery_restarts_at_its_first_attempt_and_is_otherwise_unchanged():
    decision = decide_delivery(dead_letter(encode_job(job(60))), NOW)
    sent = decode_job(decision.body)
    assert sent.attempt == 1
    assert (sent.connection_ids, sent.tracking_id, sent.chunk) == (("a=", "b="), 4, 2)
    assert (decision.about, decision.event_id) == ("deal for 2 connections", "e-1")


def test_a_delivery_to_users_who_were_not_looked_up_is_described_by_their_number():
    for_users = job(60)._replace(connection_ids=(), user_ids=("ann", "ben", "cid"), priority="message")
    decision = decide_delivery(dead_letter(encode_job(for_users)), NOW)
    assert decision.about == "message for 3 users"
    assert decode_job(decision.body).user_ids == ("ann", "ben", "cid")


@pytest.mark.parametrize(
    ("body", "why"),
    [(encode_job(job(7_201)), "all of its connections have ended"), ("{}", "not a delivery job")],
)
def test_a_delivery_that_can_reach_nobody_stays(body, why):
    decision = decide_delivery(dead_letter(body), NOW)
    assert decision.body is None
    assert why in decision.why


def test_an_envelope_of_events_goes_again_under_the_ids_that_its_events_had():
    deal = {"messageType": "deal", "topic": "books", "data": {}}
    letter = DeadLetter("m-1", json.dumps({"events": [deal, {**deal, "eventId": "mine"}, 7]}), NOW, 1)

    decision = decide_event(letter, NOW)

    events = [{**deal, "eventId": "m-1.0"}, {**deal, "eventId": "mine"}, 7]
    assert (decision.about, json.loads(decision.body)) == ("3 events", {"events": events})


BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/deals-production-forwarded"
WRAPPED = {"forwardedEvent": {**EVENT, "eventId": "e1"}, "acceptedAtMs": 7, "origin": "deals@us-east-1"}


def test_a_forward_goes_back_unchanged_and_is_described_with_its_region():
    body = encode_forward(Forward(BUS, json.dumps(WRAPPED)))

    decision = decide_forward(dead_letter(body), NOW)

    assert decision.body == body
    assert (decision.about, decision.event_id) == ("dealUpdate for books, to eu-west-1", "e1")
    assert decision.why == "goes to the forwards queue, and from there to eu-west-1"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("no bus\n{}", "is not the ARN of an event bus"),
        (BUS, "there is no event after the event bus"),
        (f"{BUS}\nno json", "not JSON"),
        (f"{BUS}\n[1]", "must be an object"),
        (f"{BUS}\n{json.dumps({**WRAPPED, 'forwardedEvent': {'colour': 1}})}", "colour"),
    ],
)
def test_a_forward_that_no_region_could_read_stays(body, why):
    decision = decide_forward(dead_letter(body), NOW)
    assert decision.body is None
    assert why in decision.why
