"""Every alarm reads a metric that our code or AWS publishes, with exactly its dimensions.

The tests apply the whole stack to a mocked AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deals_ops.cost import ALARMS, PUBLISH_API_ALARMS, REDIS_ALARMS
from message_router.requests import ACTIONS
from message_router.router import UNKNOWN
from realtime_core import errors
from realtime_core.telemetry.metric_catalog import NAMESPACE, rows
from terraform.toolchain import Session, suite

ROOT = Path(__file__).parents[2]
STACK = ROOT / "terraform" / "stacks" / "deals-websocket"
GUIDE = "docs.aws.amazon.com"

# The metrics that AWS publishes, their dimensions, and the page that documents them.
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
        ("AWS/ApiGateway", name): (BY_API, f"{GUIDE}/apigateway/latest/developerguide/http-api-metrics.html")
        for name in ("Count", "4xx", "5xx", "Latency")
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
class AlarmMetric:
    """A metric that an alarm reads."""

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
        return [
            resource["values"] | {"_index": resource.get("index")}
            for resource in self.resources
            if resource["type"] == kind
        ]

    def names(self, kind: str, attribute: str = "name") -> set[str]:
        return {resource[attribute] for resource in self.of(kind)}


@pytest.fixture(scope="module")
def applied(initialised: Callable[[Path], Session]) -> Applied:
    session = initialised(STACK)
    completed = session.run(
        f"-chdir={STACK}",
        *("test", "-json", "-verbose", "-filter=tests/watched.tftest.hcl"),
        environment=suite.test_environment(session),
    )
    events = [json.loads(line) for line in completed.stdout.splitlines() if line.startswith("{")]
    states = [event["test_state"] for event in events if event["type"] == "test_state"]
    assert len(states) == 1, completed.stdout[-3000:]

    def within(module: dict[str, Any]) -> list[dict[str, Any]]:
        inner = [resource for child in module.get("child_modules", []) for resource in within(child)]
        return module.get("resources", []) + inner

    return Applied(within(states[0]["root_module"]))


@pytest.fixture(scope="module")
def alarm_metrics(applied: Applied) -> list[AlarmMetric]:
    alarm_metrics = []
    for alarm in applied.of("aws_cloudwatch_metric_alarm"):
        metrics = [metric for query in alarm["metric_query"] or [] for metric in query["metric"]] or [alarm]
        alarm_metrics += [
            AlarmMetric(
                alarm["_index"],
                metric["namespace"],
                metric["metric_name"],
                metric["dimensions"] or {},
                metric.get("stat") or metric.get("statistic") or metric["extended_statistic"],
            )
            for metric in metrics
        ]
    assert len({read.alarm for read in alarm_metrics}) > 50
    return alarm_metrics


def test_alarms_on_own_metrics_match_the_catalog(applied, alarm_metrics):
    ours = {metric.name: metric for metric in rows()}
    (service,) = {
        function["environment"][0]["variables"]["SERVICE"] for function in applied.of("aws_lambda_function")
    }
    reads = [read for read in alarm_metrics if read.namespace == NAMESPACE]
    assert len(reads) >= 23
    for read in reads:
        assert read.name in ours, f"{read.alarm} reads {read.name}, which nothing publishes"
        sets = {frozenset(names) for names in ours[read.name].dimensions}
        assert frozenset(read.dimensions) in sets, f"{read.alarm}: {read.name} has no {set(read.dimensions)}"
        assert read.dimensions["Service"] == service
        for name, value in read.dimensions.items():
            assert name == "Service" or value in VALUES[name], read


def test_alarms_on_aws_metrics_match_its_documentation_and_the_resources(applied, alarm_metrics):
    (api,), (stage,) = applied.of("aws_apigatewayv2_api"), applied.of("aws_apigatewayv2_stage")
    client = (ROOT / "lambdas/realtime_core/aws/json_client.py").read_text()
    existing = {
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

    reads = [read for read in alarm_metrics if read.namespace != NAMESPACE]
    assert {read.namespace for read in reads} == {namespace for namespace, _ in AWS}
    for read in reads:
        assert (read.namespace, read.name) in AWS, (
            f"{read.alarm}: AWS documents no {read.namespace} {read.name}"
        )
        sets, page = AWS[read.namespace, read.name]
        assert set(read.dimensions) in sets, (
            f"{read.alarm}: {read.name} has no {set(read.dimensions)}; see {page}"
        )
        for name, value in read.dimensions.items():
            assert value in existing[name], f"{read.alarm}: there is no {name} {value}"


def test_every_table_and_index_has_a_throttle_alarm(applied, alarm_metrics):
    reads = {
        (read.dimensions["TableName"], read.dimensions.get("GlobalSecondaryIndexName"))
        for read in alarm_metrics
        if read.name == "WriteThrottleEvents"
    }
    assert reads == {
        (table["name"], index)
        for table in applied.of("aws_dynamodb_table")
        for index in (None, *(index["name"] for index in table["global_secondary_index"]))
    }


def test_statistics_fit_the_unit_of_the_metric(alarm_metrics):
    """The sum of a latency and the average of a counter mean nothing."""
    units = {metric.name: metric.unit for metric in rows()}
    for read in alarm_metrics:
        if read.namespace != NAMESPACE or read.statistic == "SampleCount" or read.name == "ErrorRate":
            continue
        allowed = {"Sum", "Maximum"} if units[read.name] == "Count" else {"p99", "Maximum"}
        assert read.statistic in allowed, read
    assert {read.statistic for read in alarm_metrics if read.name == "ConnectionCount"} == {"Maximum"}, (
        "a gauge"
    )


def test_expressions_use_exactly_the_metrics_that_they_declare(applied):
    for alarm in applied.of("aws_cloudwatch_metric_alarm"):
        queries = alarm["metric_query"] or []
        expressions = [query["expression"] for query in queries if query["expression"]]
        ids = {query["id"] for query in queries if query["metric"]}
        used = {word for text in expressions for word in re.findall(r"\b[a-z][a-z0-9_]*\b", text)}
        assert used == ids, alarm["alarm_name"]
        assert len(ids) <= 10, "an alarm of CloudWatch takes at most ten metrics"


def test_composite_alarm_names_existing_alarms(applied):
    (composite,) = applied.of("aws_cloudwatch_composite_alarm")
    named = set(re.findall(r'ALARM\("([^"]+)"\)', composite["alarm_rule"]))
    assert len(named) >= 8
    assert named <= applied.names("aws_cloudwatch_metric_alarm", "alarm_name")


def test_cost_estimate_counts_the_metrics_that_alarms_read(alarm_metrics):
    assert len(alarm_metrics) + 5 == ALARMS + REDIS_ALARMS + PUBLISH_API_ALARMS, (
        "the composite alarm costs as much as five metrics"
    )


def test_dashboard_shows_metrics_of_the_catalog(applied):
    ours = {metric.name: metric for metric in rows()}
    (board,) = applied.of("aws_cloudwatch_dashboard")
    widgets = json.loads(board["dashboard_body"])["widgets"]
    shown = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    own = [metric for metric in shown if metric[0] == NAMESPACE]
    for metric in own:
        dimensions = metric[2:-1] if isinstance(metric[-1], dict) else metric[2:]
        assert tuple(dimensions[::2]) in ours[metric[1]].dimensions, metric
    searches = [metric[0]["expression"] for metric in shown if "SEARCH" in str(metric[0])]
    for text in searches:
        schema, name = re.search(r"\{([^}]+)\} MetricName=\"(\w+)\"", text).groups()
        assert tuple(schema.split(",")[1:]) in ours[name].dimensions, text
    assert len(own) > 15
    assert len(searches) == 4


def test_runbook_and_readme_list_every_alarm(applied):
    keys = {alarm["_index"].split("/")[0] for alarm in applied.of("aws_cloudwatch_metric_alarm")}
    keys |= {"unhealthy"}
    page = (ROOT / "docs" / "telemetry.md").read_text()
    readme = (ROOT / "terraform" / "modules" / "alarms" / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page.split("\n## Alarms\n")[1], re.MULTILINE)) == keys
    assert (
        set(re.findall(r"^\| `(\w+)` \|", readme.split("\n## Alarms\n")[1].split("\n## ")[0], re.MULTILINE))
        == keys
    )
