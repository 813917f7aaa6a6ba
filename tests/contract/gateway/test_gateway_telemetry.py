"""Access logs and metrics of API Gateway, and metrics from functions' EMF.

apigateway-websocket-api-logging.html and websocket-api-logging.html of
docs.aws.amazon.com/apigateway/latest/developerguide/.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

FORMAT = json.dumps(
    {
        name: f"$context.{variable}"
        for name, variable in {
            "connection": "connectionId", "type": "eventType", "route": "routeKey", "status": "status",
            "message": "messageId", "latency": "integrationLatency", "function": "integration.status",
            "lambda": "integration.integrationStatus", "user": "authorizer.userId", "error": "error.message",
            "ip": "identity.sourceIp", "unknown": "no.such.variable",
        }.items()
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def logged(deployer, target, logging_role):
    """An API with an access log, and the function that waits for lines of a connection in it."""
    logs, group = target.client("logs"), f"/gateway-contract/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].removesuffix(":*")
    api = deployer.deploy(
        {"$connect": {"authorizer": True}, "$disconnect": {}, "echo": {"replies": True}},
        AccessLogSettings={"DestinationArn": arn, "Format": FORMAT},
    )

    async def lines(connection_id, count):
        deadline = time.monotonic() + (15 if target.endpoint else 120)
        while True:
            events = logs.filter_log_events(logGroupName=group, filterPattern=f'"{connection_id}"')["events"]
            if len(events) >= count:
                return [json.loads(event["message"]) for event in events]
            assert time.monotonic() < deadline, f"{len(events)} of {count} lines"
            await asyncio.sleep(0.1)

    yield api, lines
    logs.delete_log_group(logGroupName=group)


async def test_access_log_has_one_line_per_event_in_the_stages_format(logged, dial):
    api, lines = logged
    client = await dial(api.url)
    connection_id = await client.connection_id()
    await client.ask(action="echo", status=404)
    await client.ask(action="nowhere")
    await client.socket.close()
    await api.await_event("DISCONNECT", connection_id)

    seen = await lines(connection_id, 5)

    fields = [(line["type"], line["route"], line["status"], line["function"], line["error"]) for line in seen]
    assert fields == [
        ("CONNECT", "$connect", "200", "200", "-"),
        ("MESSAGE", "echo", "200", "200", "-"),
        ("MESSAGE", "echo", "404", "404", "-"),
        ("MESSAGE", "$default", "403", "-", "Forbidden"),
        ("DISCONNECT", "$disconnect", "200", "200", "-"),
    ]
    assert {line["user"] for line in seen} == {"u-1"}
    assert seen[0]["message"] == "-"
    assert int(seen[1]["latency"]) >= 0
    assert seen[1]["lambda"] == "200"
    assert {line["unknown"] for line in seen} == {"-"}


async def sums(target, namespace, names, dimensions):
    """Return the sum of each metric over the last minutes."""
    now = datetime.now(UTC)
    cloudwatch, totals = target.client("cloudwatch"), {}
    wanted = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    for name in names:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName=name, Dimensions=wanted,
            StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=1), Period=60,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]  # fmt: skip
        totals[name] = sum(p["SampleCount" if name == "IntegrationLatency" else "Sum"] for p in points)
    return totals


async def wait_for_sums(target, namespace, expected, dimensions):
    """Wait until the sums are as expected; return the last ones."""
    deadline = time.monotonic() + (10 if target.endpoint else 300)
    while (totals := await sums(target, namespace, expected, dimensions)) != expected:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.3)
    return totals


async def test_metrics_count_what_happened(deployer, target, dial):
    """MessageCount is of both directions; an integration's 4xx is an IntegrationError."""
    api = deployer.deploy({"$connect": {}, "echo": {"replies": True}, "one-way": {}})
    client = await dial(api.url)
    connection_id = await client.connection_id()  # a message and a reply
    await client.socket.send('{"action": "one-way", "status": 404}')
    await client.ask(action="one-way", fail=True)  # and an error frame
    await client.ask(action="nowhere")  # and an error frame
    api.management().post_to_connection(ConnectionId=connection_id, Data=b"{}")
    with pytest.raises(Exception, match="HTTP 403"):
        await dial(api.url + "?status=403")

    expected = {
        "ConnectCount": 2, "MessageCount": 8, "IntegrationError": 2, "ClientError": 1, "ExecutionError": 1,
        "IntegrationLatency": 5,
    }  # fmt: skip
    for dimensions in ({"ApiId": api.api_id}, {"ApiId": api.api_id, "Stage": "test"}):
        assert await wait_for_sums(target, "AWS/ApiGateway", expected, dimensions) == expected


async def test_metrics_that_a_function_prints_are_published_once(deployer, target, dial):
    """CloudWatch_Embedded_Metric_Format_Specification.html; also of a function that no route runs."""
    space = f"Contract/{uuid.uuid4().hex}"
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": space, "Dimensions": [["kind"]], "Metrics": [{"Name": "n", "Unit": "Count"}]}
            ],
        },
        "kind": "test",
        "n": [1, 2, 4],
    }
    target.client("lambda").invoke(
        FunctionName=deployer.function,
        Payload=json.dumps({"requestContext": {"eventType": "NONE"}, "print": json.dumps(line)}),
    )

    assert await wait_for_sums(target, space, {"n": 7}, {"kind": "test"}) == {"n": 7}
    await asyncio.sleep(1.5 if target.endpoint else 0)
    assert await sums(target, space, ["n"], {"kind": "test"}) == {"n": 7}
