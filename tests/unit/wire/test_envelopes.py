"""Envelopes of carriers around published events, and the ids in them."""

import json

import pytest

from realtime_core.errors import ValidationFailed
from realtime_core.wire.envelopes import unwrap
from realtime_core.wire.fields import IDENTIFIER

DEAL = {"messageType": "dealUpdate", "data": {"id": 1, "price": 99.5}}
EVENTBRIDGE = {"version": "0", "id": "bridge-1", "detail-type": "deal", "source": "shop", "detail": DEAL}


FAILED = {
    "version": "1.0",
    "timestamp": "2026-11-27T23:20:00.000Z",
    "requestContext": {"requestId": "r-1", "condition": "RetriesExhausted", "approximateInvokeCount": 2},
    "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
}


def sns(message):
    return {"Type": "Notification", "MessageId": "sns-1", "TopicArn": "arn", "Message": message}


@pytest.mark.parametrize(
    "body",
    [
        DEAL,
        sns(json.dumps(DEAL)),
        EVENTBRIDGE,
        sns(json.dumps(EVENTBRIDGE)),
        {**EVENTBRIDGE, "detail": sns(json.dumps(DEAL))},
        {**FAILED, "requestPayload": DEAL},
    ],
    ids=["itself", "sns", "eventbridge", "eventbridge-in-sns", "sns-in-eventbridge", "failed-invocation"],
)
def test_unwrap_returns_the_event_of_its_envelope(body):
    assert unwrap(json.dumps(body)).raw == DEAL


def test_unwrap_of_an_event_with_envelope_fields_returns_the_event():
    event = {**DEAL, **sns("{}"), **EVENTBRIDGE}
    assert unwrap(json.dumps(event)) == (event, None, None)


def test_unwrap_returns_an_object_without_an_envelope_unchanged():
    assert unwrap('{"data":{"Type":"Notification"}}') == ({"data": {"Type": "Notification"}}, None, None)
    assert unwrap('{"detail":{}}') == ({"detail": {}}, None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("text", "body"),
        ("[]", "body"),
        ('"x"', "body"),
        ('{"a":NaN}', "a"),
        ('{"data":{"price":1e999}}', "data.price"),
        (json.dumps(sns("text")), "Message"),
        (json.dumps(sns("[]")), "Message"),
        (json.dumps(sns(17)), "Message"),
        (json.dumps({**EVENTBRIDGE, "detail": "x"}), "detail"),
    ],
)
def test_unwrap_without_an_object_reports_the_path(body, field):
    with pytest.raises(ValidationFailed) as caught:
        unwrap(body)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_unwrap_limits_nested_envelopes():
    body = json.dumps(DEAL)
    for _ in range(6):
        body = json.dumps(sns(body))
    assert unwrap(body).raw["Type"] == "Notification"


@pytest.mark.parametrize(
    ("body", "carrier_id"),
    [
        (DEAL, None),
        (sns(json.dumps(DEAL)), "sns-1"),
        (EVENTBRIDGE, "bridge-1"),
        (sns(json.dumps(EVENTBRIDGE)), "bridge-1"),
        ({**EVENTBRIDGE, "detail": sns(json.dumps(DEAL))}, "sns-1"),
        ({**sns(json.dumps(EVENTBRIDGE)), "MessageId": None}, "bridge-1"),
        (sns(json.dumps({**EVENTBRIDGE, "id": None})), "sns-1"),
        (sns(json.dumps({**DEAL, "eventId": "mine"})), "sns-1"),
        ({**FAILED, "requestPayload": DEAL}, "r-1"),
        ({"requestContext": {}, "requestPayload": DEAL}, None),
    ],
)
def test_carrier_id_is_that_of_the_innermost_envelope(body, carrier_id):
    assert unwrap(json.dumps(body)).carrier_id == carrier_id


def test_one_envelope_has_one_carrier_id_however_its_text_is_written():
    envelope = sns(json.dumps(DEAL))
    texts = [json.dumps(envelope), json.dumps(dict(reversed(envelope.items())), indent=2)]
    assert {unwrap(text).carrier_id for text in texts} == {"sns-1"}


@pytest.mark.parametrize("forged", [17, None, {}, "", "-", "a b", "a/b", "é", "x" * 65, ["sns-1"]])
def test_an_id_unlike_those_of_aws_is_none(forged):
    assert unwrap(json.dumps({**sns(json.dumps(DEAL)), "MessageId": forged})).carrier_id is None
    assert unwrap(json.dumps({**EVENTBRIDGE, "id": forged})).carrier_id is None


def test_a_carrier_id_and_an_index_are_an_event_id():
    """For bodies with several events, each of which needs an id that repeats with the carrier's."""
    carrier_id = unwrap(json.dumps({**EVENTBRIDGE, "id": "x" * 64})).carrier_id
    assert IDENTIFIER.fullmatch(f"{carrier_id}:99")
