"""Terraform on the applied service: nothing left to change, and nothing left when it goes."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from local_cloud.stack import ROOT

# The emulator answers these with more than was declared or, of alarms in the protocol of the provider, with
# less: so each plan wants to have it right again.
NEVER_SETTLED = re.compile(
    r"module\.deals_websocket\.module\."
    r"(websocket_api\.aws_apigatewayv2_authorizer\.this"
    # Where Redis is on:
    r"|cache\[0\]\.aws_elasticache_parameter_group\.this"
    r"|network\[0\]\.(aws_security_group\.functions\[0\]|aws_vpc_endpoint\..+)"
    r"|alarms\[0\]\.aws_cloudwatch_(metric|composite)_alarm\..+)"
)


def test_a_second_plan_changes_nothing(stack):
    assert [one for one in stack.stack.terraform.changes() if not NEVER_SETTLED.fullmatch(one)] == []


@pytest.mark.skipif(not shutil.which("make"), reason="make is not on PATH")
def test_make_env_says_where_the_service_is(stack):
    """Before anything else has initialised the root: the provider is where `local-up` put it."""
    answer = subprocess.run(
        ["make", "--silent", "env", f"UP={stack.stack.terraform.folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = answer.stdout.splitlines()
    assert f"WEBSOCKET_API_GATEWAY_URL={stack.websocket_url}" in lines
    assert f"WEBSOCKET_API_GATEWAY_ID={stack.outputs['api_id']}" in lines


@pytest.mark.takes_the_stack_down
def test_destroy_leaves_nothing_behind(stack):
    stack.stack.terraform.destroy(lambda _line: None)
    client, prefix = stack.stack.client, "deals-local-"
    functions = client("lambda").list_functions()["Functions"]
    left = {
        "functions": [one["FunctionName"] for one in functions],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "queues": client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", []),
        "apis": [one["Name"] for one in client("apigatewayv2").get_apis()["Items"]],
        "log groups": [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]],
        "alarms": [
            one["AlarmName"]
            for page in client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            for one in [*page["MetricAlarms"], *page["CompositeAlarms"]]
        ],
        "topics": [one["TopicArn"] for one in client("sns").list_topics()["Topics"]],
        "dashboards": [
            one["DashboardName"] for one in client("cloudwatch").list_dashboards()["DashboardEntries"]
        ],
        "roles": [one["RoleName"] for one in client("iam").list_roles()["Roles"]],
        "caches": [
            one["ReplicationGroupId"]
            for one in client("elasticache").describe_replication_groups()["ReplicationGroups"]
        ],
        "security groups": [
            one["GroupName"] for one in client("ec2").describe_security_groups()["SecurityGroups"]
        ],
    }
    assert not [name for names in left.values() for name in names if prefix in f"{name}-"]
