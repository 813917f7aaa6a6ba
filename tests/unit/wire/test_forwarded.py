"""Events on their way to another Region: wrapped, unwrapped, and refused where the way is too narrow."""

import json

import pytest

from realtime_core.errors import ValidationFailed
from realtime_core.wire.envelopes import unwrap
from realtime_core.wire.events import parse_event
from realtime_core.wire.fields import INTEGER_MAX
from realtime_core.wire.forwarded import (
    FORWARDED_BYTES_MAX,
    Origin,
    reject_unless_forwardable,
    wrap_event,
)

ORIGIN = Origin("deals-production@eu-west-1", 1_795_382_480_123)
DEAL = {"messageType": "deal", "topic": "books", "data": {"price": 9.5}, "filters": {"shop": "schön \uffff"}}
NOTIFICATION = {"messageType": "notification", "recipients": ["ann", "ben"], "data": {"title": "x"}}


@pytest.mark.parametrize("raw", [DEAL, NOTIFICATION, {"messageType": "deal", "data": {}}])
@pytest.mark.parametrize("carrier", ["none", "eventbridge", "eventbridge-in-sns"])
def test_event_arrives_as_it_was_accepted_in_every_envelope(raw, carrier):
    body = json.loads(wrap_event(parse_event(raw), "e1", ORIGIN))
    if carrier != "none":
        body = {"id": "bridge-1", "detail-type": "ForwardedEvent", "source": "x", "detail": body}
    if carrier == "eventbridge-in-sns":
        body = {"Type": "Notification", "MessageId": "sns-1", "Message": json.dumps(body)}

    carried = unwrap(json.dumps(body))

    assert carried.origin == ORIGIN
    assert parse_event(carried.raw) == parse_event(raw)._replace(event_id="e1")


def test_input_path_does_not_remove_the_mark():
    """A rule that delivers only `detail` takes EventBridge's envelope away, and with it the detail type."""
    assert unwrap(wrap_event(parse_event(DEAL), "e1", ORIGIN)).origin == ORIGIN


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"forwardedEvent": "text"}, "forwardedEvent"),
        ({"acceptedAtMs": "soon"}, "acceptedAtMs"),
        ({"acceptedAtMs": True}, "acceptedAtMs"),
        ({"acceptedAtMs": -1}, "acceptedAtMs"),
        ({"acceptedAtMs": 2**48}, "acceptedAtMs"),
        ({"acceptedAtMs": None}, "acceptedAtMs"),
        ({"origin": ""}, "origin"),
        ({"origin": "x" * 201}, "origin"),
        ({"region": "eu-west-1"}, "region"),
    ],
)
def test_malformed_wrapping_is_refused_with_the_field(change, field):
    wrapped = {**json.loads(wrap_event(parse_event(DEAL), "e1", ORIGIN)), **change}
    with pytest.raises(ValidationFailed) as refused:
        unwrap(json.dumps(wrapped))
    assert [problem.field for problem in refused.value.problems] == [field]


def test_wrapping_in_a_wrapping_is_no_event():
    wrapped = {**json.loads(wrap_event(parse_event(DEAL), "e1", ORIGIN))}
    twice = {**wrapped, "forwardedEvent": wrapped}
    with pytest.raises(ValidationFailed):
        parse_event(unwrap(json.dumps(twice)).raw)


def test_event_that_fits_a_frame_but_not_the_way_is_refused():
    half = {"messageType": "deal", "recipients": ["ann"], "data": {"text": "x" * 128_000}}
    reject_unless_forwardable(parse_event({**half, "filters": {"text": "y" * 127_000}}), ORIGIN.name)
    with pytest.raises(ValidationFailed, match=f"at most {FORWARDED_BYTES_MAX} are allowed"):
        reject_unless_forwardable(parse_event({**half, "filters": {"text": "y" * 128_500}}), ORIGIN.name)


@pytest.mark.parametrize(
    "change", [{"origin": "x"}, {"origin": "x" * 200}, {"acceptedAtMs": 0}, {"acceptedAtMs": 2**48 - 1}]
)
def test_wrapping_at_its_bounds_is_taken(change):
    wrapped = {**json.loads(wrap_event(parse_event(DEAL), "e1", ORIGIN)), **change}
    origin = unwrap(json.dumps(wrapped)).origin
    assert origin == ORIGIN._replace(
        name=change.get("origin", ORIGIN.name),
        accepted_at_ms=change.get("acceptedAtMs", ORIGIN.accepted_at_ms),
    )


def test_event_may_fill_the_way_to_its_last_byte():
    """EventBridge takes entries of 256 KB; the other fields of an entry need room too."""

    def event(chars):
        data, filters = {"text": "x" * 128_000}, {"text": "y" * chars}
        return parse_event({"messageType": "deal", "recipients": ["ann"], "data": data, "filters": filters})

    largest = wrap_event(event(100_000), "x" * 128, Origin(ORIGIN.name, INTEGER_MAX))
    fits = 100_000 + 256_000 - len(largest.encode())
    reject_unless_forwardable(event(fits), ORIGIN.name)
    with pytest.raises(ValidationFailed, match=r"256001 bytes .* at most 256000 are allowed"):
        reject_unless_forwardable(event(fits + 1), ORIGIN.name)
