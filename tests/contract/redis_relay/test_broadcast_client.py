"""Lambda's Invoke on real sockets, signed as botocore signs it."""

import datetime
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from realtime_core.aws import backoff
from realtime_core.aws.errors import Refused, Unreachable
from redis_relay.broadcast_client import BroadcastClient, PublishStatus, lambda_client
from tests.contract.support.scripted_service import Scripted, answer, scripted_service

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)


@pytest.fixture
def service():
    with scripted_service() as scripted:
        yield scripted


@pytest.fixture
def functions(service):
    return lambda_client(region_name="eu-west-1", endpoint_url=service.url, read_timeout=0.3, attempts=2)


def test_invoke_sends_the_payload_and_returns_the_response(service, functions):
    service.script = [answer({"statusCode": 200})]

    response = functions.invoke(ARN, b'{"messageType":"dealUpdate"}')

    assert (json.loads(response.payload), response.failed) == ({"statusCode": 200}, False)
    [(headers, body)] = service.requests
    assert body == b'{"messageType":"dealUpdate"}'
    assert (
        headers["x-amz-invocation-type"] == "requestresponse"
    )  # in lower case, as the scripted service reads headers


def test_invoke_of_a_function_that_raised_returns_failed(service, functions):
    service.script = [answer({"errorType": "KeyError"}, X_Amz_Function_Error="Unhandled")]

    response = functions.invoke(ARN, b"{}")

    assert (json.loads(response.payload), response.failed) == ({"errorType": "KeyError"}, True)


def test_refused_invoke_raises_with_the_code_of_its_header(service, functions):
    service.script = [answer({"Type": "User"}, 404, X_Amzn_ErrorType="ResourceNotFoundException:http://x/")]

    with pytest.raises(Refused) as raised:
        functions.invoke(ARN, b"{}")

    assert (raised.value.code, raised.value.status) == ("ResourceNotFoundException", 404)
    assert len(service.requests) == 1


def test_throttled_invoke_is_retried(service, functions):
    service.script = [
        answer({}, 429, x_amzn_errortype="TooManyRequestsException"),
        answer({"statusCode": 200}),
    ]

    assert functions.invoke(ARN, b"{}").payload == b'{"statusCode": 200}'


def test_invoke_without_a_response_is_unreachable(service, functions):
    service.script = [Scripted.HANG]

    with pytest.raises(Unreachable, match="Invoke got no answer"):
        functions.invoke(ARN, b"{}")


@pytest.mark.parametrize("function", [ARN, "deals-test-broadcast"])
def test_invoke_is_signed_as_botocore_signs_it(functions, monkeypatch, function):
    moment = datetime.datetime(2026, 11, 24, 12, 0, 0, tzinfo=datetime.UTC)
    monkeypatch.setattr("redis_relay.broadcast_client.time.time", moment.timestamp)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None))
    sent = []
    monkeypatch.setattr(functions._http, "send", sent.append)
    monkeypatch.setattr(functions._http, "receive", lambda _: _ok())

    functions.invoke(function, b"{}")

    head = sent[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    path, headers = head[0].split(" ")[1], dict(line.split(": ", 1) for line in head[1:])
    named = ("content-type", "x-amz-invocation-type")
    theirs = AWSRequest(
        "POST",
        f"http://{functions.endpoint.authority}{path}",
        {name: headers[name] for name in named},
        b"{}",
    )
    SigV4Auth(Credentials("AKIA", "secret", "token"), "lambda", "eu-west-1").add_auth(theirs)
    assert headers["authorization"] == theirs.headers["Authorization"]


def _ok():
    from realtime_core.aws.http_response import HttpResponse

    return HttpResponse(200, b"{}")


def _statuses(functions, *events):
    return [result.status for result in BroadcastClient(functions, ARN).publish_all(events)]


def test_events_that_lambda_refuses_for_no_fault_of_theirs_wait_together(service, functions):
    """One by one they would be refused as well, and each invoke would take its time."""
    service.script = [answer({}, status=403)]
    assert _statuses(functions, b"{}", b"{}") == [PublishStatus.UNAVAILABLE] * 2
    assert len(service.requests) == 1


def test_events_that_are_too_large_together_are_published_one_by_one(service, functions):
    service.script = [answer({}, status=413), answer({"statusCode": 200}), answer({}, status=413)]
    assert _statuses(functions, b"{}", b"{}") == [PublishStatus.ACCEPTED, PublishStatus.REJECTED]
    assert [body for _, body in service.requests] == [b'{"events":[{},{}]}', b"{}", b"{}"]


def test_events_of_which_one_makes_broadcast_fail_are_published_one_by_one(service, functions):
    failed = answer({"errorType": "KeyError"}, X_Amz_Function_Error="Unhandled")
    unavailable = answer({"errorType": "StoreUnavailable"}, X_Amz_Function_Error="Unhandled")
    service.script = [failed, answer({"statusCode": 200}), failed]
    assert _statuses(functions, b"{}", b"{}") == [PublishStatus.ACCEPTED, PublishStatus.FAULT]
    service.script = [unavailable]
    assert _statuses(functions, b"{}", b"{}") == [PublishStatus.UNAVAILABLE] * 2


def test_an_answer_for_fewer_events_than_were_sent_is_no_answer(service, functions):
    body = json.dumps({"broadcast": "success", "results": [{"broadcast": "success"}]})
    service.script = [answer({"statusCode": 200, "body": body}), *[answer({"statusCode": 200})] * 2]
    assert _statuses(functions, b"{}", b"{}") == [PublishStatus.ACCEPTED] * 2
    assert len(service.requests) == 3
