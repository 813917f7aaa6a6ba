"""Alarms on metrics of ours, seen firing: from the code that publishes to a message that wakes somebody.

The emulator evaluates alarms when metrics are put, without dimensions, metric maths or missing data. So lines
of the very code are put, what they publish is compared with what the alarm reads, and where there is an
expression, it is evaluated here and the state is set.
"""

from __future__ import annotations

import re

import pytest

from realtime_core.telemetry import metric_catalog as catalog
from tests.e2e.alarms import (
    AlarmInbox,
    assert_fires_above_threshold,
    assert_fires_on_silence,
    identify,
    publish_metrics,
    read_declared_alarms,
    select_own,
    set_state,
)

# What is published to drive each alarm over its threshold: the metric, its values, and of which dimension.
DRIVEN: dict[str, tuple[catalog.Metric, list[float], str | None]] = {
    "connections": (catalog.CONNECTION_COUNT, [90_001], None),
    "reply_latency": (catalog.MESSAGE_LATENCY, [2_500] * 20, "reply"),
    "push_latency": (catalog.MESSAGE_LATENCY, [16_000] * 20, "push"),
    "post_throttles": (catalog.DELIVERIES_THROTTLED, [3_001], None),
    "deliveries_failed": (catalog.DELIVERIES_FAILED, [1], None),
    "token_failures": (catalog.TOKEN_FAILURES, [501], "signature"),
    "authorizer_faults": (catalog.AUTHORIZER_FAULTS, [1], None),
    "limiter_failures": (catalog.LIMITER_FAILURES, [11], None),
    "upkeep_lag": (catalog.UPKEEP_LAG, [301], None),
    "upkeep_failures": (catalog.UPKEEP_FAILURES, [1], None),
}
# Sixty actions, of which some fail: what the router publishes for each.
RATES = {
    "error_rate": [(1, "INTERNAL_ERROR")] * 2 + [(0, None)] * 58,
    "refusal_rate": [(1, "VALIDATION_ERROR")] * 20 + [(0, None)] * 40,
}


@pytest.fixture
def inbox(stack):
    inbox = AlarmInbox(stack)
    yield inbox
    inbox.close()


@pytest.fixture(scope="module")
def alarms(stack):
    return read_declared_alarms(stack)


@pytest.fixture
def publishes(stack, monkeypatch):
    return lambda values: publish_metrics(stack, monkeypatch, values)


def test_each_alarm_on_a_metric_of_ours_is_driven(alarms):
    assert select_own(alarms) == {*DRIVEN, *RATES, "janitor_silent"}


def test_what_is_declared_is_there(stack, alarms):
    cloudwatch = stack.stack.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    there = {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}
    for key in DRIVEN:
        alarm = alarms[key]
        one = there[alarm["alarm_name"]]
        dimensions = {each["Name"]: each["Value"] for each in one["Dimensions"]}
        assert (one["Namespace"], one["MetricName"], dimensions) == (
            alarm["namespace"],
            alarm["metric_name"],
            alarm["dimensions"],
        )
        assert one["AlarmActions"] == one["OKActions"] == [stack.outputs["alarm_topic_arn"]]


@pytest.mark.parametrize("key", DRIVEN)
async def test_a_metric_over_its_threshold_is_told_of(stack, inbox, monkeypatch, key):
    await assert_fires_above_threshold(stack, inbox, monkeypatch, key, DRIVEN[key])


def evaluated(alarm, published):
    """The value of an alarm's expression, by CloudWatch's functions, of what was published."""
    statistics = {
        "Sum": sum,
        "SampleCount": len,
        "Average": lambda values: sum(values) / len(values) if values else None,
    }
    values = {
        query["id"]: statistics[one["stat"]](published.get(identify(one), []))
        for query in alarm["metric_query"]
        for one in query["metric"]
    }
    functions = {
        "IF_": lambda condition, then, otherwise: then if condition else otherwise,
        "FILL": lambda value, filling: filling if value is None else value,
    }
    (expression,) = [query["expression"] for query in alarm["metric_query"] if query["expression"]]
    assert re.fullmatch(r"[\w\s(),.*+/>=]+", expression), expression
    return eval(expression.replace("IF(", "IF_("), {"__builtins__": {}}, {**functions, **values})


@pytest.mark.parametrize("key", RATES)
async def test_a_rate_over_its_threshold_is_told_of(stack, inbox, alarms, publishes, key):
    alarm = alarms[key]
    set_state(stack, alarm, "OK")
    published = publishes([(catalog.ERROR_RATE, value, code) for value, code in RATES[key]])
    errors, actions = sum(value for value, _ in RATES[key]), len(RATES[key])

    value = evaluated(alarm, published)

    assert value == pytest.approx(100 * errors / actions)
    assert value > alarm["threshold"]
    set_state(stack, alarm, "ALARM", f"{value} percent")
    await inbox.wait_for(alarm["alarm_name"])


async def test_a_clients_mistakes_are_no_faults_of_ours_and_a_quiet_night_no_rate(alarms, publishes):
    mistakes = publishes([(catalog.ERROR_RATE, 1, "VALIDATION_ERROR")] * 60)
    assert evaluated(alarms["error_rate"], mistakes) == 0
    few = publishes([(catalog.ERROR_RATE, 1, "INTERNAL_ERROR")] * 49)
    assert evaluated(alarms["error_rate"], few) == 0
    assert evaluated(alarms["refusal_rate"], few) == 0


async def test_a_janitor_that_does_not_run_is_told_of(stack, inbox, monkeypatch):
    await assert_fires_on_silence(stack, inbox, monkeypatch, "janitor_silent", catalog.UPKEEP_LAG)


async def test_where_people_notice_the_service_as_a_whole_is_told_of(stack, inbox, alarms):
    (whole,) = stack.stack.terraform.declared("aws_cloudwatch_composite_alarm").values()
    parts = set(re.findall(r'ALARM\("([^"]+)"\)', whole["alarm_rule"]))
    for alarm in alarms.values():
        if alarm["alarm_name"] in parts:
            set_state(stack, alarm, "OK")
    set_state(stack, alarms["reply_latency"], "ALARM")
    await inbox.wait_for("deals-local-unhealthy")
    set_state(stack, alarms["reply_latency"], "OK")


async def test_a_real_outage_is_told_of_from_end_to_end(stack, inbox, alarms, connects, user):
    """The limits table does not answer: the router says so, its line becomes a metric, the alarm fires."""
    set_state(stack, alarms["limiter_failures"], "OK")
    person = await connects(user)
    fault = {"service": "dynamodb", "operation": "UpdateItem", "status": 500, "error": "InternalServerError"}
    stack.control("faults", fault)
    try:
        for _ in range(12):
            assert (await person.ask("getStatus"))["type"] == "statusUpdate"
    finally:
        stack.control("faults", method="DELETE")
    await inbox.wait_for(alarms["limiter_failures"]["alarm_name"])
