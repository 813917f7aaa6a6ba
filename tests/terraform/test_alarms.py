"""No alarm waits for what nobody publishes: each reads a metric that our code or AWS has, as it has it.

Read from the whole stack, as Terraform applies it to a provider that stands in for AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deals_ops.cost import ALARMS, REDIS_ALARMS
from message_router.router import UNKNOWN
from realtime_core import errors
from realtime_core.domain.actions import ACTIONS
from realtime_core.metric_catalog import NAMESPACE, rows
from terraform.toolchain import Session

ROOT = Path(__file__).parents[2]
STACK = ROOT / "terraform" / "stacks" / "deals-websocket"
GUIDE = "docs.aws.amazon.com"

# Which metrics AWS publishes by which dimensions, and where it says so.
API = f"{GUIDE}/apigateway/latest/developerguide/apigateway-websocket-api-logging.html"
LAMBDA = f"{GUIDE}/lambda/latest/dg/monitoring-metrics-types.html"
DYNAMODB = f"{GUIDE}/amazondynamodb/latest/developerguide/metrics-dimensions.html"
SQS = f"{GUIDE}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
CACHE = f"{GUIDE}/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html"
BY_API = ({"ApiId"}, {"ApiId", "Stage"})
BY_TABLE = ({"TableName"}, {"TableName", "GlobalSecondaryIndexName"})
AWS: dict[tuple[str, str], tuple[tuple[set[str], ...], str]] = {
    **{
        ("AWS/ApiGateway", name): (BY_API, API)
        for name in ("ConnectCount", "MessageCount", "IntegrationError", "ClientError", "ExecutionError")
    },
    **{
        ("AWS/Lambda", name): (({"FunctionName"}, {"FunctionName", "Resource"}, set()), LAMBDA)
        for name in ("Errors", "Throttles", "Duration", "ConcurrentExecutions")
    },
    ("AWS/Lambda", "IteratorAge"): (({"FunctionName"}, {"FunctionName", "Resource"}), LAMBDA),
    ("AWS/DynamoDB", "ReadThrottleEvents"): (BY_TABLE, DYNAMODB),
    ("AWS/DynamoDB", "WriteThrottleEvents"): (BY_TABLE, DYNAMODB),
    ("AWS/DynamoDB", "SystemErrors"): (({"TableName", "Operation"},), DYNAMODB),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): (({"QueueName"},), SQS),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): (({"QueueName"},), SQS),
    **{
        ("AWS/ElastiCache", name): (({"CacheClusterId"}, {"CacheClusterId", "CacheNodeId"}), CACHE)
        for name in ("EngineCPUUtilization", "DatabaseMemoryUsagePercentage", "Evictions", "ReplicationLag")
    },
}
CODES = {
    kind.code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.ActionError)
}
VALUES = {"Action": {*ACTIONS, UNKNOWN}, "Code": CODES, "Kind": {"reply", "push"}}


@dataclass(frozen=True)
class Watched:
    """One metric that an alarm reads."""

    alarm: str
    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str


@dataclass(frozen=True)
class Applied:
    """The resources of the applied stack."""

    resources: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one["values"] | {"_index": one.get("index")} for one in self.resources if one["type"] == kind]

    def names(self, kind: str, attribute: str = "name") -> set[str]:
        return {one[attribute] for one in self.of(kind)}


@pytest.fixture(scope="module")
def applied(initialised: Callable[[Path], Session]) -> Applied:
    session = initialised(STACK)
    completed = session.run(
        f"-chdir={STACK}", "test", "-json", "-verbose", "-filter=tests/watched.tftest.hcl"
    )
    events = [json.loads(line) for line in completed.stdout.splitlines() if line.startswith("{")]
    states = [event["test_state"] for event in events if event["type"] == "test_state"]
    assert len(states) == 1, completed.stdout[-3000:]

    def within(module: dict[str, Any]) -> list[dict[str, Any]]:
        inner = [one for child in module.get("child_modules", []) for one in within(child)]
        return module.get("resources", []) + inner

    return Applied(within(states[0]["root_module"]))


@pytest.fixture(scope="module")
def watched(applied: Applied) -> list[Watched]:
    found = []
    for alarm in applied.of("aws_cloudwatch_metric_alarm"):
        metrics = [one for query in alarm["metric_query"] or [] for one in query["metric"]] or [alarm]
        found += [
            Watched(
                alarm["_index"],
                one["namespace"],
                one["metric_name"],
                one["dimensions"] or {},
                one.get("stat") or one.get("statistic") or one["extended_statistic"],
            )
            for one in metrics
        ]
    assert len({one.alarm for one in found}) > 50
    return found


def test_every_metric_of_ours_is_in_the_catalog_with_exactly_these_dimensions(applied, watched):
    ours = {metric.name: metric for metric in rows()}
    (service,) = {
        function["environment"][0]["variables"]["SERVICE"] for function in applied.of("aws_lambda_function")
    }
    reads = [one for one in watched if one.namespace == NAMESPACE]
    assert len(reads) >= 23
    for one in reads:
        assert one.name in ours, f"{one.alarm} waits for {one.name}, which nothing publishes"
        sets = {frozenset(each) for each in ours[one.name].dimensions}
        assert frozenset(one.dimensions) in sets, f"{one.alarm}: {one.name} has no {set(one.dimensions)}"
        assert one.dimensions["Service"] == service
        for name, value in one.dimensions.items():
            assert name == "Service" or value in VALUES[name], one


def test_every_metric_of_aws_is_one_that_it_publishes_of_things_that_there_are(applied, watched):
    (api,), (stage,) = applied.of("aws_apigatewayv2_api"), applied.of("aws_apigatewayv2_stage")
    client = (ROOT / "lambdas/realtime_core/adapters/aws_json.py").read_text()
    there = {
        "ApiId": {api["id"]},
        "Stage": {stage["name"]},
        "FunctionName": applied.names("aws_lambda_function", "function_name"),
        "TableName": applied.names("aws_dynamodb_table"),
        "QueueName": applied.names("aws_sqs_queue"),
        # ElastiCache numbers the nodes of a replication group.
        "CacheClusterId": {
            f"{group['replication_group_id']}-{number + 1:03}"
            for group in applied.of("aws_elasticache_replication_group")
            for number in range(group["num_cache_clusters"])
        },
        "Operation": set(re.findall(r'_operation\("(\w+)"\)', client)),
        "GlobalSecondaryIndexName": {
            index["name"]
            for table in applied.of("aws_dynamodb_table")
            for index in table["global_secondary_index"]
        },
    }
    reads = [one for one in watched if one.namespace != NAMESPACE]
    assert {one.namespace for one in reads} == {namespace for namespace, _ in AWS}
    for one in reads:
        assert (one.namespace, one.name) in AWS, f"{one.alarm}: AWS documents no {one.namespace} {one.name}"
        sets, page = AWS[one.namespace, one.name]
        assert set(one.dimensions) in sets, (
            f"{one.alarm}: {one.name} has no {set(one.dimensions)}; see {page}"
        )
        for name, value in one.dimensions.items():
            assert value in there[name], f"{one.alarm}: there is no {name} {value}"


def test_every_index_and_every_table_is_watched(applied, watched):
    reads = {
        (one.dimensions["TableName"], one.dimensions.get("GlobalSecondaryIndexName"))
        for one in watched
        if one.name == "WriteThrottleEvents"
    }
    assert reads == {
        (table["name"], index)
        for table in applied.of("aws_dynamodb_table")
        for index in (None, *(one["name"] for one in table["global_secondary_index"]))
    }


def test_statistics_fit_what_the_metric_counts(watched):
    """The sum of a latency or the average of a counter is a number too, but of nothing."""
    units = {metric.name: metric.unit for metric in rows()}
    for one in watched:
        if one.namespace != NAMESPACE or one.statistic == "SampleCount" or one.name == "ErrorRate":
            continue
        allowed = {"Sum", "Maximum"} if units[one.name] == "Count" else {"p99", "Maximum"}
        assert one.statistic in allowed, one
    assert {one.statistic for one in watched if one.name == "ConnectionCount"} == {"Maximum"}, "a gauge"


def test_expressions_use_every_metric_that_they_declare(applied):
    for alarm in applied.of("aws_cloudwatch_metric_alarm"):
        queries = alarm["metric_query"] or []
        expressions = [query["expression"] for query in queries if query["expression"]]
        ids = {query["id"] for query in queries if query["metric"]}
        used = {word for text in expressions for word in re.findall(r"\b[a-z][a-z0-9_]*\b", text)}
        assert used == ids, alarm["alarm_name"]
        assert len(ids) <= 10, "CloudWatch adds up no more in an alarm"


def test_the_service_is_judged_by_alarms_that_there_are(applied):
    (composite,) = applied.of("aws_cloudwatch_composite_alarm")
    named = set(re.findall(r'ALARM\("([^"]+)"\)', composite["alarm_rule"]))
    assert len(named) >= 8
    assert named <= applied.names("aws_cloudwatch_metric_alarm", "alarm_name")


def test_the_cost_of_alarms_is_by_what_they_read(watched):
    assert len(watched) + 5 == ALARMS + REDIS_ALARMS, "and the composite one costs as much as five"


def test_the_dashboard_shows_metrics_that_there_are(applied):
    ours = {metric.name: metric for metric in rows()}
    (board,) = applied.of("aws_cloudwatch_dashboard")
    widgets = json.loads(board["dashboard_body"])["widgets"]
    shown = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    own = [one for one in shown if one[0] == NAMESPACE]
    for one in own:
        dimensions = one[2:-1] if isinstance(one[-1], dict) else one[2:]
        assert tuple(dimensions[::2]) in ours[one[1]].dimensions, one
    searches = [one[0]["expression"] for one in shown if "SEARCH" in str(one[0])]
    for text in searches:
        schema, name = re.search(r"\{([^}]+)\} MetricName=\"(\w+)\"", text).groups()
        assert tuple(schema.split(",")[1:]) in ours[name].dimensions, text
    assert len(own) > 15
    assert len(searches) == 4


def test_the_runbook_has_a_section_for_each_alarm(applied):
    keys = {alarm["_index"].split("/")[0] for alarm in applied.of("aws_cloudwatch_metric_alarm")}
    keys |= {"unhealthy"}
    page = (ROOT / "docs" / "telemetry.md").read_text()
    readme = (ROOT / "terraform" / "modules" / "alarms" / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page.split("\n## Alarms\n")[1], re.MULTILINE)) == keys
    assert (
        set(re.findall(r"^\| `(\w+)` \|", readme.split("\n## Alarms\n")[1].split("\n## ")[0], re.MULTILINE))
        == keys
    )
