"""Requests of the publish API: their answers, whom they let publish what, and what they cannot forge."""

import base64
import copy
import json
from pathlib import Path

import pytest

from broadcast import handler
from broadcast.http_requests import BODY_BYTES_MAX
from broadcast.wiring import Broadcast
from realtime_core.errors import StoreUnavailable
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryEventsQueue

REQUEST = json.loads((Path(__file__).parents[2] / "events/http_request.json").read_text())
NOW = REQUEST["requestContext"]["timeEpoch"] / 1000
DEAL = {"messageType": "dealUpdate", "topic": "books.new", "data": {"price": 9}}
IAM = {"iam": {"accessKey": "AKIA1", "accountId": "1", "userArn": "arn:aws:iam::1:user/shop", "userId": "U"}}


class Context:
    """An invocation."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self):
        return 30_000


class RecordingPublisher:
    """Records what is published; the ids in `failing` are not."""

    def __init__(self):
        self.submissions, self.failing, self.deadlines = [], set(), []

    def publish(self, event, event_id, origin=None, *, deadline=None):
        result = self.publish_all([(event, event_id, origin)], deadline)[0]
        if isinstance(result, Exception):
            raise result
        return result

    def publish_all(self, submissions, deadline=None):
        self.submissions += submissions
        self.deadlines.append(deadline)
        return [
            StoreUnavailable("table")
            if event_id in self.failing
            else {"broadcast": "success", "eventId": event_id}
            for _, event_id, _ in submissions
        ]

    @property
    def topics(self):
        return [event.topic for event, _, _ in self.submissions]


@pytest.fixture
def broadcast(monkeypatch):
    parts = Broadcast(RecordingPublisher(), MemoryDeadLetterQueue(), MemoryEventsQueue())
    monkeypatch.setattr(handler, "_broadcast", lambda: parts)
    monkeypatch.setattr("broadcast.http_api.time.time", lambda: NOW + 1)
    return parts


def post(body, *, topics="books.* private.shop", authorizer=None, headers=None, **changes):
    """Send a request; return the status, the body and the headers of the answer."""
    event = copy.deepcopy(REQUEST)
    event["body"] = body if isinstance(body, str) else json.dumps(body)
    event["requestContext"]["authorizer"]["lambda"]["topics"] = topics
    if authorizer is not None:
        event["requestContext"]["authorizer"] = authorizer
    event["headers"] |= headers or {}
    response = handler.handler({**event, **changes}, Context())
    return response["statusCode"], json.loads(response["body"]), response["headers"]


def test_event_that_its_token_permits_is_published(broadcast):
    status, body, headers = post({**DEAL, "eventId": "e"})
    assert (status, body) == (200, {"broadcast": "success", "eventId": "e"})
    assert (headers["content-type"], broadcast.publisher.topics) == ("application/json", ["books.new"])


def test_event_without_an_id_has_that_of_the_invocation(broadcast):
    assert post(DEAL)[1]["eventId"] == "request-1"
    post({"events": [DEAL, {**DEAL, "eventId": "e"}]})
    assert [item[1] for item in broadcast.publisher.submissions[1:]] == ["request-1.0", "e"]


@pytest.mark.parametrize(
    "topic", ["books", "all-deals", "music.new", "private.other", "private.shop.a", None]
)
def test_topic_that_the_token_does_not_cover_is_answered_403_and_named(broadcast, topic, published):
    status, body, _ = post({key: value for key, value in {**DEAL, "topic": topic}.items() if value})
    named = topic or "all-deals"
    assert (status, body["broadcast"], body["code"]) == (403, "rejected", "FORBIDDEN")
    assert body["details"] == {"reason": "topic", "topic": named}
    assert body["errors"] == [{"field": "topic", "problem": f"the token does not permit the topic {named}"}]
    assert (broadcast.publisher.submissions, broadcast.dead_letters.entries) == ([], [])
    assert published()["Forbidden", "topic"] == [1]


def test_recipient_that_the_token_does_not_cover_is_answered_403_and_nobody_is_notified(broadcast):
    event = {"messageType": "notification", "data": {}, "recipients": ["ann", "ben"]}
    granted = {"lambda": {"userId": "shop", "validUntil": str(NOW + 9), "recipients": "ann"}}
    status, body, _ = post(event, authorizer=granted)
    assert (status, body["details"]) == (403, {"reason": "recipient", "recipientId": "ben"})
    granted["lambda"]["recipients"] = "a* ben"
    assert post(event, authorizer=granted)[0] == 200


def test_token_without_the_claim_may_publish_to_all_but_private_topics(broadcast):
    granted = {"lambda": {"userId": "shop", "validUntil": str(NOW + 9)}}
    assert post({**DEAL, "topic": "all-deals"}, authorizer=granted)[0] == 200
    assert post({**DEAL, "topic": "private.shop"}, authorizer=granted)[0] == 403


def test_events_of_a_batch_are_answered_in_order_each_by_its_own_right(broadcast, published):
    events = [
        {**DEAL, "eventId": "a"},
        {**DEAL, "topic": "music"},
        {"messageType": "dealUpdate"},
        7,
        {**DEAL, "topic": "private.shop", "eventId": "b"},
    ]
    status, body, _ = post({"events": events})
    assert (status, body["broadcast"]) == (200, "success")
    assert [(item["broadcast"], item.get("code")) for item in body["results"]] == [
        ("success", None),
        ("rejected", "FORBIDDEN"),
        ("rejected", None),
        ("rejected", None),
        ("success", None),
    ]
    assert body["results"][1]["details"] == {"reason": "topic", "topic": "music"}
    assert broadcast.publisher.topics == ["books.new", "private.shop"]
    assert broadcast.dead_letters.entries == [], "a publisher could fill it"
    metrics = published()
    names = [("EventsRefused",), ("Forbidden",), ("BatchSize",)]
    assert [metrics[name] for name in names] == [[2], [1], [5]]


def test_caller_whom_iam_let_in_may_publish_everything(broadcast):
    for topic in ("private.else", "all-deals"):
        assert post({**DEAL, "topic": topic}, authorizer=IAM)[0] == 200
    assert broadcast.publisher.topics == ["private.else", "all-deals"]


@pytest.mark.parametrize(
    "authorizer",
    [
        {},
        {"iam": None},
        {"iam": "arn"},
        {"lambda": {}},
        {"lambda": {"userId": "shop"}},
        {"lambda": {"validUntil": str(NOW + 9)}},
        {"jwt": {"claims": {"sub": "shop", "topics": "[*]"}, "scopes": ["publish"]}},
    ],
)
def test_request_of_nobody_known_is_refused_whatever_let_it_through(broadcast, authorizer):
    status, body, _ = post(DEAL, authorizer=authorizer)
    assert (status, body["errors"][0]["field"]) == (403, "authorization")
    assert broadcast.publisher.submissions == []


def test_context_that_api_gateway_kept_beyond_the_tokens_end_is_refused(broadcast):
    granted = {"userId": "shop", "validUntil": str(int(NOW + 1)), "topics": "*"}
    status, body, _ = post(DEAL, authorizer={"lambda": granted})
    assert (status, body["errors"][0]) == (
        401,
        {"field": "authorization", "problem": "the token has expired"},
    )
    assert post(DEAL, authorizer={"lambda": {**granted, "validUntil": str(NOW + 2)}})[0] == 200


FORGED = {
    "an SQS batch": {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(DEAL)}]},
    "an SNS envelope": {"Type": "Notification", "MessageId": "1", "Message": json.dumps(DEAL)},
    "an EventBridge envelope": {"id": "1", "detail-type": "deal", "detail": DEAL},
    "a forwarded event": {"forwardedEvent": DEAL, "acceptedAtMs": 1, "origin": "deals@eu"},
    "a request": {**REQUEST, "requestContext": {**REQUEST["requestContext"], "authorizer": IAM}},
    "a failed invocation": {"requestContext": {"requestId": "1"}, "requestPayload": DEAL},
    "an event with its own authorizer": {**DEAL, "authorizer": IAM},
    "envelopes in an envelope": {"events": [{"events": [DEAL]}, {"requestContext": IAM, **DEAL}]},
}


@pytest.mark.parametrize("body", FORGED.values(), ids=FORGED)
def test_body_is_read_as_events_and_as_nothing_else(broadcast, body):
    status, answer, _ = post(body)
    assert status == 400 or all(item["broadcast"] == "rejected" for item in answer["results"])
    assert broadcast.publisher.submissions == []


@pytest.mark.parametrize(
    "topic", ["books.new\n", "Books.new", " books.new", "books\uff0enew", "books.*", "*"]
)
def test_other_spellings_of_a_permitted_topic_are_no_topics(broadcast, topic):
    assert post({**DEAL, "topic": topic})[0] in {400, 403}
    assert broadcast.publisher.submissions == []


def test_permission_is_asked_for_the_topic_that_is_published_where_a_name_comes_twice(broadcast):
    for first, last in (("music", "books.a"), ("books.a", "music")):
        text = f'{{"messageType":"x","data":{{}},"topic":"{first}","topic":"{last}"}}'
        assert post(text)[0] == (200 if last == "books.a" else 403)
    assert broadcast.publisher.topics == ["books.a"]


@pytest.mark.parametrize(
    ("body", "changes", "status", "field"),
    [
        ("{", {}, 400, "body"),
        ("", {}, 400, "body"),
        ("[]", {}, 400, "event"),
        ('{"events": []}', {}, 400, "events"),
        (json.dumps({"events": [DEAL] * 101}), {}, 400, "events"),
        ('{"messageType": "dealUpdate"}', {}, 400, "data"),
        ('{"messageType": "a", "data": {"price": NaN}}', {}, 400, "data.price"),
        ('{"events": [{"data": {"n": 99999999999999999999}}]}', {}, 400, "events[0].data.n"),
        ("e30", {"isBase64Encoded": True}, 400, "body"),
        ("\udcff", {"isBase64Encoded": True}, 400, "body"),
        (base64.b64encode(b"\xff").decode(), {"isBase64Encoded": True}, 400, "body"),
        ("x" * (BODY_BYTES_MAX + 1), {}, 413, "body"),
        (json.dumps(DEAL), {"headers": {"content-type": "text/plain"}}, 415, "content-type"),
        (json.dumps(DEAL), {"headers": {"content-encoding": "gzip"}}, 415, "content-encoding"),
    ],
    ids=[
        "no JSON", "empty", "a list", "no events", "too many events", "no data", "not a number",
        "a large number", "base64 without its end", "no base64", "no UTF-8",
        "too large", "text", "gzip",
    ],
)  # fmt: skip
def test_bad_request_is_answered_with_its_status_and_the_part_at_fault(
    broadcast, body, changes, status, field
):
    answered, given, _ = post(body, **changes)
    assert (answered, given["broadcast"], given["errors"][0]["field"]) == (status, "rejected", field)
    assert (broadcast.publisher.submissions, broadcast.dead_letters.entries) == ([], [])


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
def test_body_in_base64_and_json_of_any_name_are_read(broadcast, kind):
    encoded = base64.b64encode(json.dumps(DEAL).encode()).decode()
    assert post(encoded, isBase64Encoded=True, headers={"content-type": kind})[0] == 200
    assert broadcast.publisher.topics == ["books.new"]


def test_event_that_cannot_be_published_is_answered_503_with_its_id_and_when_to_come_back(broadcast):
    broadcast.publisher.failing = {"request-1"}
    status, body, headers = post(DEAL)
    assert (status, body["broadcast"], body["eventId"]) == (503, "failed", "request-1")
    assert headers["retry-after"] == "1"
    assert broadcast.events.bodies == [], "the publisher tries again"


def test_batch_of_which_nothing_can_be_published_is_answered_503_with_every_id(broadcast):
    broadcast.publisher.failing = {"request-1.0", "e"}
    status, body, _ = post({"events": [DEAL, {**DEAL, "eventId": "e"}, {**DEAL, "topic": "music"}]})
    assert (status, body["broadcast"]) == (503, "failed")
    assert [item.get("eventId") for item in body["results"]] == ["request-1.0", "e", None]
    assert body["results"][2]["code"] == "FORBIDDEN"


def test_event_of_a_batch_that_fails_alone_goes_to_the_queue_and_one_that_is_forbidden_does_not(broadcast):
    broadcast.publisher.failing = {"e"}
    status, body, _ = post({"events": [DEAL, {**DEAL, "eventId": "e"}, {**DEAL, "topic": "music"}]})
    assert (status, [item["broadcast"] for item in body["results"]]) == (
        200,
        ["success", "failed", "rejected"],
    )
    assert [json.loads(text)["eventId"] for text in broadcast.events.bodies] == ["e"]


def test_answer_comes_before_api_gateway_stops_waiting(broadcast, monkeypatch):
    """It began to wait when it received the request, a cold start before the function did."""
    monkeypatch.setattr("broadcast.http_api.time.time", lambda: NOW + 20)
    assert post({"events": [DEAL]})[0] == 503
    assert broadcast.publisher.submissions == []
