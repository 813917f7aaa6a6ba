"""HTTP APIs: routes, events, authorizers, IAM, limits, and what a function's failure is answered with.

docs.aws.amazon.com/apigateway/latest/developerguide/: http-api-develop-routes.html,
http-api-develop-integrations-lambda.html, http-api-lambda-authorizer.html, http-api-access-control-iam.html,
http-api-logging-variables.html, http-api-metrics.html.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from datetime import UTC, datetime, timedelta

import boto3
import pytest

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def http(deployer):
    return deployer.deploy_http(
        {
            "POST /events": {},
            "ANY /any": {},
            "POST /slow": {"integration": {"TimeoutInMillis": 500}},
            "POST /guarded": {"authorization": "CUSTOM"},
            "POST /iam": {"authorization": "AWS_IAM"},
        }
    )


@pytest.fixture(scope="module")
def remembering(deployer):
    return deployer.deploy_http({"POST /events": {"authorization": "CUSTOM"}}, cache_seconds=60)


def test_function_gets_the_request_in_format_2(http, target):
    status, event, headers = http.call(
        "POST", "/events?a=1&a=2&b=", b'{"x": "\xc3\xa9"}', {**JSON, "X-Two": "1", "User-Agent": "probe"}
    )
    assert (status, headers["apigw-requestid"]) == (200, event["requestContext"]["requestId"])
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "POST /events", "/test/events")
    assert event["rawQueryString"] == "a=1&a=2&b="
    assert event["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": "é"}', False)
    assert (event["headers"]["x-two"], event["headers"]["content-type"]) == ("1", "application/json")
    context = event["requestContext"]
    assert (context["apiId"], context["stage"], context["accountId"]) == (http.api_id, "test", target.account)
    assert context["http"]["method"] == "POST"
    assert context["http"]["path"] == "/test/events"
    assert context["http"]["userAgent"] == "probe"
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 60
    assert "authorizer" not in context


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-www-form-urlencoded"])
def test_body_that_is_no_text_comes_in_base64(http, kind):
    _, event, _ = http.call("POST", "/events", b"a=\xff", {"content-type": kind})
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"a=\xff", True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/events"), ("POST", "/event"), ("POST", "/events/more"), ("POST", "/"), ("POST", "/Events")],
)
def test_another_method_or_path_is_not_found(http, method, path):
    assert http.call(method, path)[:2] == (404, {"message": "Not Found"})


def test_route_of_any_method_takes_every_method(http):
    assert [http.call(method, "/any")[0] for method in ("GET", "POST", "DELETE")] == [200] * 3


def test_functions_answer_is_the_response(http):
    status, body, headers = http.call("POST", "/events?status=418&say=short")
    assert (status, body) == (418, "short")
    assert headers["content-type"].startswith("text/plain")
    status, body, headers = http.call("POST", "/events?bare=1")
    assert (status, body, headers["content-type"]) == (200, {"bare": "1"}, "application/json")


def test_function_that_fails_is_500_and_one_that_is_slow_503(http):
    assert http.call("POST", "/events?fail=1")[:2] == (500, {"message": "Internal Server Error"})
    assert http.call("POST", "/slow?sleep=2")[:2] == (503, {"message": "Service Unavailable"})


def test_authorizers_context_comes_with_the_request(http):
    status, event, _ = http.call("POST", "/guarded", b"{}", {**JSON, "Authorization": "Allow me"})
    assert status == 200
    assert event["requestContext"]["authorizer"]["lambda"]["userId"] == "u-1"


@pytest.mark.parametrize(
    ("authorization", "status", "message"),
    [
        (None, 401, "Unauthorized"),
        ("Unauthorized", 401, "Unauthorized"),
        ("Deny", 403, "Forbidden"),
        ("broken", 500, "Internal Server Error"),
        ("malformed", 500, "Internal Server Error"),
    ],
)
def test_authorizer_keeps_a_request_from_the_function(http, authorization, status, message):
    headers = {} if authorization is None else {"Authorization": authorization}
    assert http.call("POST", "/guarded", None, headers)[:2] == (status, {"message": message})


def test_authorizers_answer_is_kept_for_the_same_identity_alone(remembering, http):
    def asked_at(api, path, authorization):
        _, event, _ = api.call("POST", path, None, {"Authorization": authorization})
        return event["requestContext"]["authorizer"]["lambda"]["at"]

    first = asked_at(remembering, "/events", "Allow a")
    assert asked_at(remembering, "/events", "Allow a") == first
    assert asked_at(remembering, "/events", "Allow b") != first
    assert asked_at(http, "/guarded", "Allow a") != asked_at(http, "/guarded", "Allow a")
    assert remembering.call("POST", "/events", None, {"Authorization": "Deny a"})[0] == 403


@pytest.fixture
def caller(target, http):
    """Makes a session of a user who may do what a policy statement says."""
    iam, names = target.client("iam"), []

    def make(resource, action="execute-api:Invoke"):
        name = f"caller-{uuid.uuid4().hex[:8]}"
        names.append(name)
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        if target.endpoint is None:
            time.sleep(15)  # IAM is consistent after a while
        region = target.session.region_name
        return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=region)

    yield make
    for name in names:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="call")
        iam.delete_user(UserName=name)


def arn(target, http, path="POST/iam", stage="test"):
    return f"arn:aws:execute-api:{target.session.region_name}:{target.account}:{http.api_id}/{stage}/{path}"


def test_caller_with_the_right_to_the_route_is_let_in_and_named(http, target, caller):
    session = caller(arn(target, http))
    status, event, _ = http.call("POST", "/iam", b"{}", JSON, session)
    assert (status, event["body"]) == (200, "{}")
    iam = event["requestContext"]["authorizer"]["iam"]
    assert iam["accessKey"] == session.get_credentials().access_key
    assert ":user/caller-" in iam["userArn"]


def test_caller_without_the_right_or_a_good_signature_is_forbidden(http, target, caller):
    forbidden = (403, {"message": "Forbidden"})
    for resource in (arn(target, http, "POST/events"), arn(target, http, stage="other")):
        assert http.call("POST", "/iam", b"{}", JSON, caller(resource))[:2] == forbidden
    other = caller(arn(target, http), "execute-api:ManageConnections")
    assert http.call("POST", "/iam", b"{}", JSON, other)[:2] == forbidden

    key = caller(arn(target, http)).get_credentials().access_key
    forged = boto3.Session(key, "x" * 40, region_name=target.session.region_name)
    assert http.call("POST", "/iam", b"{}", JSON, forged)[:2] == forbidden
    assert http.call("POST", "/iam", b"{}", JSON)[:2] == forbidden
    assert http.call("POST", "/iam", b"{}", {**JSON, "Authorization": "Bearer x"})[:2] == forbidden


@pytest.mark.local_only("on AWS nobody knows the secret of the root key")
def test_root_key_with_another_secret_is_forbidden(http, target):
    forged = boto3.Session("test", "guessed", region_name=target.session.region_name)
    assert http.call("POST", "/iam", b"{}", JSON, forged)[:2] == (403, {"message": "Forbidden"})


def test_stages_throttle_is_429(deployer):
    api = deployer.deploy_http(
        {"POST /events": {}},
        DefaultRouteSettings={"ThrottlingRateLimit": 0.1, "ThrottlingBurstLimit": 2},
    )
    answers = [api.call("POST", "/events")[:2] for _ in range(8)]
    assert answers[0][0] == 200
    assert (429, {"message": "Too Many Requests"}) in answers


def test_body_above_ten_megabytes_is_413(http):
    assert http.call("POST", "/events", b"x" * (10 * 2**20 + 1), JSON)[0] == 413


def test_stage_logs_without_a_role_of_the_account_and_requests_are_counted(deployer, target):
    logs, group = target.client("logs"), f"/aws/vendedlogs/gateway-contract/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    group_arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].removesuffix(":*")
    names = ("requestId", "routeKey", "status", "path", "authorizer.userId", "error.message", "no.such")
    line_format = json.dumps({name: f"$context.{name}" for name in names})
    api = deployer.deploy_http(
        {"POST /events": {"authorization": "CUSTOM"}},
        AccessLogSettings={"DestinationArn": group_arn, "Format": line_format},
    )
    _, event, _ = api.call("POST", "/events", None, {"Authorization": "Allow"})
    api.call("POST", "/events", None, {"Authorization": "Deny"})

    deadline, lines = time.monotonic() + (15 if target.endpoint else 300), []
    while len(lines) < 2:
        assert time.monotonic() < deadline, lines
        time.sleep(0.2)
        lines = [json.loads(e["message"]) for e in logs.filter_log_events(logGroupName=group)["events"]]
    by_status = {line["status"]: line for line in lines}
    assert by_status["200"]["requestId"] == event["requestContext"]["requestId"]
    assert by_status["200"]["authorizer.userId"] == "u-1"
    assert (by_status["200"]["path"], by_status["200"]["no.such"]) == ("/test/events", "-")
    assert (by_status["403"]["error.message"], by_status["403"]["routeKey"]) == ("Forbidden", "POST /events")

    def total(name):
        now = datetime.now(UTC)
        points = target.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApiGateway", MetricName=name, Period=60, Statistics=["Sum"],
            Dimensions=[{"Name": "ApiId", "Value": api.api_id}, {"Name": "Stage", "Value": "test"}],
            StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=1),
        )["Datapoints"]  # fmt: skip
        return sum(point["Sum"] for point in points)

    while (total("Count"), total("4xx"), total("5xx")) != (2, 1, 0):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    logs.delete_log_group(logGroupName=group)


def test_access_log_has_the_functions_status_and_that_of_lambda(deployer, target, caller):
    logs, group = target.client("logs"), f"/aws/vendedlogs/gateway-contract/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    group_arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].removesuffix(":*")
    names = ("status", "integration.status", "integration.integrationStatus")
    api = deployer.deploy_http(
        {
            "POST /events": {},
            "POST /slow": {"integration": {"TimeoutInMillis": 500}},
            "POST /iam": {"authorization": "AWS_IAM"},
        },
        AccessLogSettings={
            "DestinationArn": group_arn,
            "Format": json.dumps({name: f"$context.{name}" for name in names}),
        },
    )
    session = caller(arn(target, api))

    # By the status of each; where the emulator runs the function, nobody here knows what Lambda answered.
    expected = {"418": ("418", "200"), "200": ("200", "200"), "503": ("-", "-"), "409": ("409", None)}
    for path in ("/events?status=418", "/events?bare=1", "/slow?sleep=2"):
        api.call("POST", path)
    api.call("POST", "/iam?status=409", b"{}", JSON, session)

    deadline, lines = time.monotonic() + (15 if target.endpoint else 300), []
    while len(lines) < len(expected):
        assert time.monotonic() < deadline, lines
        time.sleep(0.2)
        lines = [json.loads(e["message"]) for e in logs.filter_log_events(logGroupName=group)["events"]]
    assert {line["status"] for line in lines} == expected.keys()
    for line in lines:
        integration, of_lambda = expected[line["status"]]
        assert line["integration.status"] == integration
        assert of_lambda in {None, line["integration.integrationStatus"]}
    logs.delete_log_group(logGroupName=group)


@pytest.mark.local_only("the local cloud's own faults")
async def test_fault_fails_a_request_as_asked(http, cloud):
    def ask(method, path, **body):
        return cloud.control(method, path, **body)

    await asyncio.to_thread(
        ask, "POST", "faults", service="execute-api", operation="Invoke", status=503, times=1
    )
    assert [http.call("POST", "/events")[0] for _ in range(2)] == [503, 200]
