"""Terraform on the applied service: a second plan is empty, and a destroy leaves nothing."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from local_cloud.stack import ROOT

# The emulator returns more attributes of these than were declared or, for alarms in the provider's protocol,
# fewer, so that every plan wants to change them.
NEVER_SETTLED = re.compile(
    r"module\.deals_websocket\.module\."
    r"(websocket_api\.aws_apigatewayv2_(authorizer\.this|integration\.silent\[0\])"
    r"|publish_api\[0\]\.aws_apigatewayv2_authorizer\.this\[0\]"
    r"|alarms\[0\]\.aws_cloudwatch_(metric|composite)_alarm\..+"
    # Where Redis is on:
    r"|cache\[0\]\.aws_elasticache_parameter_group\.this"
    r"|network\[0\]\.aws_security_group\.functions\[0\]"
    r"|network\[0\]\.aws_vpc_endpoint\.(dynamodb\[0\]|interface\[\"(lambda|secretsmanager|sqs)\"\]))"
)


def test_second_plan_changes_nothing(stack):
    changes = stack.stack.terraform.changes()
    assert [address for address in changes if not NEVER_SETTLED.fullmatch(address)] == []


@pytest.mark.skipif(not shutil.which("make"), reason="make is not on PATH")
def test_make_env_prints_the_addresses_of_the_service(stack):
    """Runs before anything else initialises the root: the provider is where `local-up` put it."""
    completed = subprocess.run(
        ["make", "--silent", "env", f"UP={stack.stack.terraform.folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = completed.stdout.splitlines()
    assert f"WEBSOCKET_API_GATEWAY_URL={stack.websocket_url}" in lines
    assert f"WEBSOCKET_API_GATEWAY_ID={stack.outputs['api_id']}" in lines


@pytest.mark.timeout(600)
def test_destroy_leaves_nothing_behind(stack_to_destroy):
    stack_to_destroy.stack.terraform.destroy(lambda _line: None)
    client, prefix = stack_to_destroy.stack.client, "deals-local-"

    functions = client("lambda").list_functions()["Functions"]
    remaining = {
        "functions": [function["FunctionName"] for function in functions],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "queues": client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", []),
        "apis": [api["Name"] for api in client("apigatewayv2").get_apis()["Items"]],
        "log groups": [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]],
        "alarms": [
            alarm["AlarmName"]
            for page in client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            for alarm in [*page["MetricAlarms"], *page["CompositeAlarms"]]
        ],
        "topics": [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]],
        "dashboards": [
            dashboard["DashboardName"]
            for dashboard in client("cloudwatch").list_dashboards()["DashboardEntries"]
        ],
        "roles": [role["RoleName"] for role in client("iam").list_roles()["Roles"]],
        "caches": [
            group["ReplicationGroupId"]
            for group in client("elasticache").describe_replication_groups()["ReplicationGroups"]
        ],
        "security groups": [
            group["GroupName"] for group in client("ec2").describe_security_groups()["SecurityGroups"]
        ],
    }

    assert not [name for names in remaining.values() for name in names if prefix in f"{name}-"]
