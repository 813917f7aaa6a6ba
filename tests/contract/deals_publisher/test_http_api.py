"""The transport over HTTP, against a real server: what it sends, makes of answers, and sends again."""

from __future__ import annotations

import builtins
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from deals_publisher import (
    Event,
    Forbidden,
    Guarantee,
    HttpApi,
    InvalidArgument,
    NotPublished,
    Publisher,
    Rejected,
)
from deals_publisher.http_connections import Response
from tests.contract.deals_publisher.http_service import Answered, published, serving

EVENTS = [Event("books", {"n": number}, event_id=f"e{number}") for number in range(120)]


@pytest.fixture
def service():
    with serving() as running:
        yield running


@pytest.fixture
def waits():
    """The delays that were waited between attempts, in seconds."""
    return []


@pytest.fixture
def publisher(service, waits):
    return Publisher(HttpApi(service.url, token="t-1", sleep=waits.append))


def in_turn(*answers):
    """Answer with each in turn, then with the last."""
    left = list(answers)

    def answer(asked):
        answered = left.pop(0) if len(left) > 1 else left[0]
        return Answered(200, published(asked.body)) if answered == "published" else answered

    return answer


def test_event_is_posted_with_the_token_and_its_result_comes_back(service, publisher):
    result = publisher.publish_event("books", {"price": 9}, event_id="e")
    assert (result.event_id, result.guarantee, result.position) == ("e", Guarantee.PUBLISHED, 7)
    assert (result.delivered, result.queued) == (1, 0)
    [asked] = service.asked
    assert (asked.path, asked.body["topic"], asked.body["eventId"]) == ("/v1/events", "books", "e")
    assert asked.headers["authorization"] == "Bearer t-1"
    assert asked.headers["content-type"] == "application/json"


def test_events_are_posted_a_hundred_at_once_and_each_has_its_result(service, publisher):
    def answer(asked):
        answered = published(asked.body)
        for index, event in enumerate(asked.body["events"]):
            if event["eventId"] == "e7":
                answered["results"][index] = {
                    "broadcast": "rejected",
                    "errors": [{"field": "data", "problem": "p"}],
                }
            if event["eventId"] == "e8":
                answered["results"][index] = FORBIDDEN
            if event["eventId"] == "e9":
                answered["results"][index] = {"broadcast": "failed", "eventId": "e9", "reason": "later"}
        return Answered(200, answered)

    service.answer = answer
    results = publisher.publish_events(EVENTS)
    assert [len(asked.body["events"]) for asked in service.asked] == [100, 20]
    assert (type(results[7]), type(results[8])) == (Rejected, Forbidden)
    assert results[9].guarantee is Guarantee.ACCEPTED
    assert [result.event_id for result in results] == [event.event_id for event in EVENTS]


FORBIDDEN = {
    "broadcast": "rejected",
    "code": "FORBIDDEN",
    "details": {"reason": "topic", "topic": "books"},
    "errors": [{"field": "topic", "problem": "the token does not permit the topic books"}],
}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"broadcast": "rejected", "errors": [{"field": "data", "problem": "is too large"}]}, Rejected),
        (403, FORBIDDEN, Forbidden),
        (413, {"broadcast": "rejected", "errors": [{"field": "body", "problem": "is too large"}]}, Rejected),
    ],
)
def test_refused_event_is_not_sent_again_and_says_why(service, publisher, waits, *, status, body, error):
    service.answer = in_turn(Answered(status, body))
    with pytest.raises(error, match=body["errors"][0]["problem"]) as raised:
        publisher.publish_event("books", {}, event_id="e")
    assert (type(raised.value), len(service.asked), waits) == (error, 1, [])

    results = publisher.publish_events(EVENTS[:2])
    assert [(type(result), result.event_id) for result in results] == [(error, "e0"), (error, "e1")]


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504, None], ids=str)
def test_passing_trouble_is_tried_again_with_the_same_ids_after_a_growing_delay(
    service, publisher, waits, trouble
):
    failing = None if trouble is None else Answered(trouble, {"message": "no"})
    service.answer = in_turn(failing, failing, failing, "published")
    assert publisher.publish_event("books", {}, event_id="e").position == 7
    assert [asked.body["eventId"] for asked in service.asked] == ["e"] * 4
    assert len(waits) == 3
    assert all(0 <= wait <= most for wait, most in zip(waits, (0.2, 0.4, 0.8), strict=True))


def test_request_that_failed_as_a_whole_is_tried_again_when_the_service_says(service, publisher, waits):
    failed = {"broadcast": "failed", "results": [{"broadcast": "failed", "eventId": "e0", "reason": "r"}]}
    service.answer = in_turn(Answered(503, failed, {"Retry-After": "3"}), "published")
    [result] = publisher.publish_events(EVENTS[:1])
    assert (result.guarantee, len(service.asked)) == (Guarantee.PUBLISHED, 2)
    assert waits == [3.0]


def test_trouble_that_lasts_is_reported_after_five_attempts_with_the_id_to_go_on_with(
    service, publisher, waits
):
    service.answer = in_turn(Answered(503, {"message": "Service Unavailable"}))
    with pytest.raises(NotPublished, match=r"HTTP 503.*event_id='e'"):
        publisher.publish_event("books", {}, event_id="e")
    assert (len(service.asked), len(waits)) == (5, 4)
    results = publisher.publish_events(EVENTS[:2])
    assert [(type(result), result.event_id) for result in results] == [
        (NotPublished, "e0"),
        (NotPublished, "e1"),
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_answer_of_api_gateway_that_no_repeat_changes_is_reported_at_once(service, publisher, waits, status):
    service.answer = in_turn(Answered(status, {"message": "no"}, {"Location": service.url}))
    with pytest.raises(NotPublished, match=f"HTTP {status}"):
        publisher.publish_event("books", {})
    assert (len(service.asked), waits) == (1, [])


def test_newer_token_is_asked_for_once_after_a_401(service, waits):
    tokens = iter(["old", "new", "newest"])
    service.answer = in_turn(Answered(401, {"message": "Unauthorized"}), "published")
    Publisher(HttpApi(service.url, token=lambda: next(tokens), sleep=waits.append)).publish_event("books", {})
    assert [asked.headers["authorization"] for asked in service.asked] == ["Bearer old", "Bearer new"]

    service.answer = in_turn(Answered(401, {"message": "Unauthorized"}))
    service.asked.clear()
    with pytest.raises(NotPublished, match="401"):
        Publisher(HttpApi(service.url, token=lambda: "same", sleep=waits.append)).publish_event("books", {})
    assert len(service.asked) == 1


def test_connection_stays_open_between_requests_and_one_that_was_closed_meanwhile_is_replaced(
    service, publisher, waits
):
    for _ in range(3):
        publisher.publish_event("books", {})
    assert len({asked.client for asked in service.asked}) == 1
    service.answer = in_turn(None, "published")
    publisher.publish_event("books", {})
    assert len({asked.client for asked in service.asked}) == 2


def test_transport_is_shared_by_threads(service, publisher):
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda n: publisher.publish_event("books", {"n": n}, event_id=f"t{n}"), range(40))
        )
    assert [result.event_id for result in results] == [f"t{number}" for number in range(40)]


def test_connections_that_the_server_closed_while_they_were_idle_are_replaced_at_the_first_attempt(
    service, publisher, waits
):
    together = threading.Barrier(4)

    def answer(asked):
        together.wait(5)  # so that each thread has a connection of its own
        return Answered(200, published(asked.body))

    service.answer = answer
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: publisher.publish_event("books", {"n": n}), range(4)))
    clients = {asked.client for asked in service.asked}
    assert len(clients) == 4
    service.hang_up()

    service.answer = in_turn("published")
    for _ in range(4):
        publisher.publish_event("books", {})
    assert waits == [], "no attempt met a connection that was closed"
    assert not clients & {asked.client for asked in service.asked[4:]}


@pytest.mark.parametrize("token", ["abc.secret\n", "sécret", "ab secret", "", None, 7, "secret\u2019"])
def test_token_that_no_header_can_hold_is_refused_without_its_text(service, waits, token):
    with pytest.raises(InvalidArgument, match=r"^token: must be one word of visible ASCII") as raised:
        Publisher(HttpApi(service.url, token=lambda: token)).publish_event("books", {})
    assert "ecret" not in str(raised.value)
    if token is not None:
        with pytest.raises(InvalidArgument, match=r"^token: must be one word"):
            HttpApi(service.url, token=token)

    tokens = iter(["good", token])
    results = Publisher(HttpApi(service.url, token=lambda: next(tokens))).publish_events(EVENTS)
    assert [type(result).__name__ for result in results] == ["Published"] * 100 + ["InvalidArgument"] * 20
    assert (len(service.asked), waits) == (1, [])


def test_events_that_are_refused_within_a_request_that_fails_are_reported_refused(service, publisher, waits):
    failed = {"broadcast": "failed", "reason": "r"}
    results = [{**failed, "eventId": "e0"}, FORBIDDEN, {"broadcast": "rejected", "errors": []}]
    service.answer = in_turn(Answered(503, {"broadcast": "failed", "results": results}))
    found = publisher.publish_events(EVENTS[:3])
    assert [(type(result), result.event_id) for result in found] == [
        (NotPublished, "e0"),
        (Forbidden, "e1"),
        (Rejected, "e2"),
    ]
    assert len(waits) == 4


def test_events_whose_token_the_service_refuses_are_not_published_and_not_refused(service, publisher):
    expired = {"broadcast": "rejected", "errors": [{"field": "authorization", "problem": "has expired"}]}
    service.answer = in_turn(Answered(401, expired))
    assert [type(result) for result in publisher.publish_events(EVENTS[:2])] == [NotPublished] * 2
    with pytest.raises(NotPublished, match="401"):
        publisher.publish_event("books", {})


def test_without_a_token_requests_are_signed_for_the_apis_region(service, waits):
    session = boto3.Session("AKIATEST", "secret", "session-token", region_name="eu-west-1")
    Publisher(HttpApi(service.url, session=session, sleep=waits.append)).publish_event("books", {"t": "é"})
    [asked] = service.asked
    assert asked.headers["x-amz-security-token"] == "session-token"
    assert "/eu-west-1/execute-api/aws4_request" in asked.headers["authorization"]
    # The signature is what botocore makes of what arrived.
    names = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names)


@pytest.mark.parametrize(
    ("url", "options", "region"),
    [
        ("https://a1b2.execute-api.us-west-2.amazonaws.com/v1/events", {}, "us-west-2"),
        ("https://a1b2.execute-api.cn-north-1.amazonaws.com.cn/v1/events", {}, "cn-north-1"),
        ("https://publish.example.com/events", {}, "eu-west-1"),
        ("https://publish.example.com/events", {"region": "us-west-2"}, "us-west-2"),
    ],
)
def test_region_is_that_of_the_url_or_named_or_the_sessions(url, options, region):
    session = boto3.Session("AKIATEST", "secret", region_name="eu-west-1")
    headers, _ = HttpApi(url, session=session, **options)._sign(b"{}", "e")
    assert f"/{region}/execute-api/" in headers["Authorization"]
    request = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=b"{}")
    request.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(session.get_credentials(), "execute-api", region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert headers["Authorization"].endswith(signer.signature(text, request))


@pytest.fixture
def uninstalled(monkeypatch):
    """Makes the import of packages fail."""
    real = builtins.__import__

    def uninstall(*packages):
        def import_others(name, *arguments, **more):
            if name.partition(".")[0] in packages:
                raise ImportError(name)
            return real(name, *arguments, **more)

        monkeypatch.setattr(builtins, "__import__", import_others)

    return uninstall


def test_without_urllib3_the_error_names_the_extra(uninstalled, service):
    uninstalled("urllib3")
    with pytest.raises(ImportError, match=r"pip install 'deals-client\[http\]'"):
        HttpApi(service.url, token="t")


def test_token_needs_no_boto3(uninstalled, service):
    uninstalled("boto3", "botocore")
    Publisher(HttpApi(service.url, token="t")).publish_event("books", {})
    with pytest.raises(ImportError, match=r"pip install 'deals-client\[aws\]', or pass a token"):
        HttpApi(service.url)


@pytest.mark.parametrize(
    ("url", "options", "argument"),
    [
        ("http://publish.example.com/events", {"token": "t"}, "url"),
        ("publish.example.com", {"token": "t"}, "url"),
        ("https://ann:secret@publish.example.com/events", {"token": "t"}, "url"),
        ("https://publish.example.com/events?token=secret", {"token": "t"}, "url"),
        ("https://publish.example.com:abc/", {"token": "t"}, "url"),
        ("https://publish.example.com:99999/", {"token": "t"}, "url"),
        ("https://[::1/", {"token": "t"}, "url"),
        (None, {"token": "t"}, "url"),
        ("https://publish.example.com/events", {"token": ""}, "token"),
        ("https://publish.example.com/events", {"token": "t", "session": boto3.Session()}, "session"),
    ],
)
def test_argument_that_cannot_work_is_named_and_no_secret_is_quoted(url, options, argument):
    with pytest.raises(InvalidArgument, match=f"^{argument}: ") as raised:
        HttpApi(url, **options)
    assert "secret" not in str(raised.value)


def test_proxy_of_the_environment_is_used_for_other_machines_alone(monkeypatch, waits):
    with serving() as proxy, serving() as service:
        monkeypatch.setenv("https_proxy", proxy.url.removesuffix("/v1/events"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(NotPublished, match="Tunnel connection failed"):
            Publisher(
                HttpApi("https://publish.example.com/events", token="t", sleep=waits.append)
            ).publish_event("books", {})
        Publisher(HttpApi(service.url, token="t")).publish_event("books", {})
        assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("value", "seconds"), [("2", 2.0), ("900", 30.0), ("-1", 0.0), ("Sat, 28 Nov 2026 12:00:00 GMT", 0.0)]
)
def test_time_that_the_server_asks_to_wait_is_bounded(value, seconds):
    assert Response(429, {"retry-after": value}, b"").retry_after_seconds(30.0) == seconds
