"""Rules of the gateway that need no socket, as tables of inputs and outputs."""

from __future__ import annotations

import json

import pytest

from local_cloud.gateway.apis import select_route_key
from local_cloud.gateway.authorizer import HandshakeRefused, read_authorizer_result
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.integration import read_integration_response
from local_cloud.gateway.metrics import read_emf
from local_cloud.gateway.throttle import RateLimit, Throttles
from local_cloud.limits.settings import Limits

ARN = "arn:aws:execute-api:us-east-1:111122223333:abcdef1234/prod/$connect"


@pytest.mark.parametrize(
    ("expression", "text", "key"),
    [
        ("$request.body.action", '{"action": "ping"}', "ping"),
        ("${request.body.action}", '{"action": "ping"}', "ping"),
        ("$request.body.a.b", '{"a": {"b": "deep"}}', "deep"),
        ("$request.body.a.b", '{"a": "flat"}', "$default"),
        ("$request.body.a.b", '{"a": [1]}', "$default"),
        ("$request.body.action", "{", "$default"),
        ("$request.header.x", '{"action": "ping"}', "$default"),
    ],
)
def test_route_selection_expression_names_a_key(expression, text, key):
    assert select_route_key(expression, text) == key


def statement(effect="Allow", action="execute-api:Invoke", resource=ARN):
    return {"Effect": effect, "Action": action, "Resource": resource}


def decide(*statements, **more):
    """Return `Allow`, or the status of the refusal."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    try:
        read_authorizer_result({"principalId": "p", "policyDocument": policy} | more, ARN, Limits())
    except HandshakeRefused as refusal:
        return refusal.status
    return "Allow"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement()], "Allow"),
        ([statement(resource="*", action="*")], "Allow"),
        ([statement(resource=[ARN[:-8] + "*"], action=["s3:GetObject", "EXECUTE-API:invoke"])], "Allow"),
        ([statement(resource=ARN.replace("abcdef", "abcde?"))], "Allow"),
        ([statement(resource=ARN.replace("prod", "[p]rod"))], 403),
        ([statement(resource=ARN.replace("prod", "dev"))], 403),
        ([statement(action="execute-api:ManageConnections")], 403),
        ([statement(), statement("Deny", resource="*")], 403),
        ([], 403),
    ],
)
def test_policy_allows_what_matches_and_is_not_denied(statements, expected):
    """The policy language of IAM: an explicit deny wins, nothing matching is a refusal."""
    assert decide(*statements) == expected


@pytest.mark.parametrize(
    "answer",
    [None, "no", {}, {"principalId": "p"}, {"principalId": "p", "policyDocument": {"Statement": "Allow"}}],
)
def test_result_without_a_policy_is_an_error_of_the_authorizer(answer):
    with pytest.raises(HandshakeRefused, match=r"^500"):
        read_authorizer_result(answer, ARN, Limits())


def test_answer_of_more_than_8_kb_is_an_error_of_the_authorizer():
    """apigateway-execution-service-websocket-limits-table.html: authorizer result."""
    assert decide(statement(), context={"big": "x" * 7_000}) == "Allow"
    assert decide(statement(), context={"big": "x" * 9_000}) == 500


@pytest.mark.parametrize(
    ("payload", "status", "body"),
    [
        ({"statusCode": 200}, 200, ""),
        ({"statusCode": "201", "body": "b"}, 201, "b"),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, "hi"),
        ({"statusCode": 200, "body": None}, 200, ""),
        ({"statusCode": 200, "body": {"not": "text"}}, 502, ""),
        ({"statusCode": "OK"}, 502, ""),
        ({"statusCode": 99}, 502, ""),
        ({"body": "b"}, 502, ""),
        (None, 502, ""),
        ("text", 502, ""),
    ],
)
def test_proxy_response_is_read_or_malformed(payload, status, body):
    outcome = read_integration_response(payload)

    assert (outcome.status, outcome.body) == (status, body)
    assert bool(outcome.error) is (status == 502)


def test_bucket_gives_its_burst_at_once_and_then_its_rate():
    clock = Clock()
    clock.run_at(1e-9)  # real time stands still
    throttles, limit = Throttles(clock), RateLimit(10, 3)

    def taken(wanted):
        return sum(throttles.allows(limit, "bucket") for _ in range(wanted))

    assert taken(5) == 3
    clock.advance(0.25)
    assert taken(5) == 2
    clock.advance(60)
    assert taken(5) == 3
    assert throttles.allows(None, "bucket")


def test_clock_runs_at_its_speed_and_never_back():
    clock = Clock()
    clock.advance(100)
    assert 100 <= clock.now() < 101
    clock.run_at(1000)
    before = clock.now()
    with pytest.raises(ValueError, match=r"^advance"):
        clock.advance(-1)
    with pytest.raises(ValueError, match=r"^speed"):
        clock.run_at(0)
    assert clock.now() >= before


EMF = {
    "_aws": {
        "Timestamp": 1764580800123,
        "CloudWatchMetrics": [
            {"Namespace": "N", "Dimensions": [["a"], ["a", "b"]], "Metrics": [{"Name": "m", "Unit": "Count"}]}
        ],
    },
    "a": "1",
    "b": 2,
    "m": 5,
}


def test_emf_line_gives_each_dimension_set_its_value():
    values = list(read_emf(json.dumps(EMF)))

    assert [(series.dimensions, value) for series, value in values] == [
        ((("a", "1"),), 5.0),
        ((("a", "1"), ("b", "2")), 5.0),
    ]
    assert {(s.namespace, s.name, s.unit, s.second) for s, _ in values} == {("N", "m", "Count", 1764580800)}


@pytest.mark.parametrize(
    "text",
    ["", "START", "[]", '{"_aws": {}}', json.dumps(EMF | {"m": "x"}), json.dumps({"_aws": EMF["_aws"]})],
)
def test_line_that_is_not_emf_gives_nothing(text):
    assert list(read_emf(text)) == []
