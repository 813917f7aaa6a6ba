"""Decoding of client frames, and encoding and packing of server frames."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.errors import NotFound, Problem, RateLimited, ValidationFailed
from realtime_core.wire.frames import (
    FRAME_BYTES_MAX,
    Request,
    decode_request,
    error_frame,
    frame,
    pack_frames,
)

NOW = 1_795_382_480


def validation_failure(body):
    with pytest.raises(ValidationFailed) as caught:
        decode_request(body)
    return caught.value


def fields_of(failed):
    return [problem.field for problem in failed.problems]


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ('{"action":"ping"}', Request("ping", {}, None)),
        ('{"action":"ping","data":null,"requestId":null}', Request("ping", {}, None)),
        ('{"action":"ping","data":{},"requestId":"c-17"}', Request("ping", {}, "c-17")),
        ('{"action":"","data":{"a":[1]}}', Request("", {"a": [1]}, None)),
        ('{"action":"x","later":1,"requestId":"é"}', Request("x", {}, "é")),
        (json.dumps({"action": "x", "requestId": "r" * 128}), Request("x", {}, "r" * 128)),
    ],
)
def test_decode_request_returns_the_envelope(body, request_):
    assert decode_request(body) == request_


@pytest.mark.parametrize("body", [None, "", "ping", "[]", '"ping"', "null", "17", "[" * 9999, "NaN x"])
def test_decode_request_without_a_json_object_rejects_the_body(body):
    failed = validation_failure(body)
    assert fields_of(failed) == ["body"]
    assert failed.request_id is None


@pytest.mark.parametrize(
    ("body", "fields", "request_id"),
    [
        ({}, ["action"], None),
        ({"action": None, "requestId": "c-1"}, ["action"], "c-1"),
        ({"action": 1, "data": []}, ["action", "data"], None),
        ({"action": "ping", "data": 0, "requestId": "c-1"}, ["data"], "c-1"),
        ({"action": "ping", "requestId": ""}, ["requestId"], None),
        ({"action": "ping", "requestId": "r" * 129}, ["requestId"], None),
        ({"action": "ping", "requestId": 17}, ["requestId"], None),
        ({"action": "ping", "requestId": False}, ["requestId"], None),
        ({"data": 1, "requestId": {}}, ["requestId", "action", "data"], None),
    ],
)
def test_decode_request_reports_every_problem_and_a_valid_request_id(body, fields, request_id):
    failed = validation_failure(json.dumps(body))
    assert fields_of(failed) == fields
    assert failed.request_id == request_id


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("9223372036854775808", "data.since"),
        ("1" + "0" * 5000, "data.since"),
        ("1e999", "data.since"),
        ("NaN", "data.since"),
        (r'"\ud83d"', "data.since"),
        (r'{"\ud83d":1}', "data.since"),
        ('{"price":{"gte":-Infinity}}', "data.since.price.gte"),
        ("[1,2,1e400]", "data.since[2]"),
        ('{"' + "x" * 5000 + '":1e400}', "data.since." + "x" * 64 + "…"),
    ],
)
def test_decode_request_of_unstorable_json_reports_the_field_and_the_request_id(value, field):
    failed = validation_failure(
        f'{{"action":"subscribeToDeals","data":{{"since":{value}}},"requestId":"c-17"}}'
    )
    assert fields_of(failed) == [field]
    assert failed.request_id == "c-17"


def test_decode_request_nested_too_deep_reports_the_request_id():
    deep = '{"not":' * 200 + "1" + "}" * 200
    failed = validation_failure(f'{{"data":{deep},"requestId":"c-17"}}')
    assert failed.request_id == "c-17"
    assert len(failed.problems[0].field) <= 256
    assert "64 levels" in failed.problems[0].problem


@pytest.mark.parametrize("request_id", ["17", '""', r'"\ud83d"', json.dumps("r" * 129)])
def test_decode_request_of_unstorable_json_omits_an_invalid_request_id(request_id):
    assert validation_failure(f'{{"action":1e999,"requestId":{request_id}}}').request_id is None


def test_decode_request_with_many_problems_is_rejected_in_a_small_frame():
    failed = validation_failure(f'{{"data":[{",".join(["1e999"] * 20_000)}]}}')
    assert len(error_frame(failed, now=NOW, request_id=None)) < 8_000


def test_frame_is_compact_with_the_fields_of_the_protocol():
    assert frame("pong", {}, now=NOW) == f'{{"type":"pong","data":{{}},"timestamp":{NOW}}}'
    assert json.loads(frame("pong", {}, now=NOW, request_id="c-17")) == {
        "type": "pong",
        "data": {},
        "timestamp": NOW,
        "requestId": "c-17",
    }


def test_frame_puts_more_fields_next_to_data_and_omits_none():
    text = frame("dealUpdate", {"id": 1}, now=NOW, topic="a", eventId="e", position=None)
    assert json.loads(text) == {
        "type": "dealUpdate",
        "data": {"id": 1},
        "topic": "a",
        "eventId": "e",
        "timestamp": NOW,
    }


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (NotFound("No such message"), {"code": "NOT_FOUND", "message": "No such message"}),
        (
            RateLimited(250),
            {
                "code": "RATE_LIMITED",
                "message": "Too many requests; try again in 250 ms",
                "details": {"retryAfterMs": 250},
            },
        ),
        (
            ValidationFailed([Problem("data.topic", "is missing")]),
            {
                "code": "VALIDATION_ERROR",
                "message": "data.topic: is missing",
                "details": [{"field": "data.topic", "problem": "is missing"}],
            },
        ),
    ],
)
def test_error_frame_carries_code_message_and_details(error, data):
    sent = json.loads(error_frame(error, now=NOW, request_id="c-17"))
    assert sent == {"type": "error", "data": data, "timestamp": NOW, "requestId": "c-17"}
    assert "requestId" not in json.loads(error_frame(error, now=NOW, request_id=None))


def push(number, size):
    return frame("dealUpdate", {"n": number, "pad": "é" * (size // 2)}, now=NOW)


def packed_texts(frames, now):
    return [text for text, _ in pack_frames(frames, now=now)]


def test_pack_frames_of_no_frames_is_empty():
    assert packed_texts([], now=NOW) == []


def test_pack_frames_returns_a_single_frame_unchanged():
    assert packed_texts([push(1, 10)], now=NOW) == [push(1, 10)]


def test_pack_frames_counts_the_frames_in_each():
    small = push(1, 10)
    assert [count for _, count in pack_frames([small, small, push(2, 40_000), small], now=NOW)] == [2, 1, 1]


def test_pack_frames_packs_small_frames_into_a_batch():
    pushes = [push(number, 10) for number in range(3)]
    [packed] = packed_texts(pushes, now=NOW)
    assert json.loads(packed) == {
        "type": "batch",
        "data": {"frames": [json.loads(item) for item in pushes]},
        "timestamp": NOW,
    }


def test_pack_frames_does_not_batch_a_frame_that_is_too_large():
    large = push(2, FRAME_BYTES_MAX)
    assert packed_texts([push(1, 10), large, push(3, 10)], now=NOW) == [push(1, 10), large, push(3, 10)]


def test_pack_frames_fills_a_batch_to_the_last_byte():
    around = len(packed_texts([push(1, 10), push(2, 10)], now=NOW)[0]) - len(push(1, 10)) - len(push(2, 10))
    room = FRAME_BYTES_MAX - around - len(push(1, 10).encode()) - len(push(2, 0).encode())
    exact = push(2, 0).replace('"pad":""', f'"pad":"{"x" * room}"')
    [full] = packed_texts([push(1, 10), exact], now=NOW)
    assert len(full.encode()) == FRAME_BYTES_MAX
    assert len(packed_texts([push(1, 10), exact.replace("x", "xx", 1)], now=NOW)) == 2


@given(st.lists(st.integers(0, FRAME_BYTES_MAX + 2000), max_size=30))
def test_pack_frames_keeps_the_order_and_the_size_limit(sizes):
    pushes = [push(number, size) for number, size in enumerate(sizes)]
    packed = [json.loads(text) for text in packed_texts(pushes, now=NOW)]
    packs = [item["data"]["frames"] if item["type"] == "batch" else [item] for item in packed]
    assert [item for pack in packs for item in pack] == [json.loads(item) for item in pushes]
    assert all(len(pack) == 1 or batch_bytes(pack) <= FRAME_BYTES_MAX for pack in packs)
    # The next frame would not have fitted into any batch, so there are as few as possible.
    for pack, following in itertools.pairwise(packs):
        assert batch_bytes([*pack, following[0]]) > FRAME_BYTES_MAX


def batch_bytes(frames):
    return len(frame("batch", {"frames": frames}, now=NOW).encode())
