"""Alarms on our own metrics fire: from the code that publishes the metric to the notification.

The emulator evaluates an alarm when a metric is put, without dimensions, metric maths or missing data. So the
tests publish with the functions' own code, compare the series with what the alarm reads, evaluate expressions
themselves, and then set the state.
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

# What drives each alarm over its threshold: the metric, its values, and the value of its dimension.
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
# What the router publishes for each of sixty actions, of which some fail.
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
def publish(stack):
    """Publish values with the functions' own code."""
    return lambda values: publish_metrics(stack, values)


def test_every_alarm_on_an_own_metric_has_a_test(alarms):
    assert select_own(alarms) == {*DRIVEN, *RATES, "janitor_silent"}


def test_declared_alarms_exist_with_their_metric_and_topic(stack, alarms):
    cloudwatch = stack.stack.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    existing = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    for key in DRIVEN:
        declared = alarms[key]
        alarm = existing[declared["alarm_name"]]
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        assert (alarm["Namespace"], alarm["MetricName"], dimensions) == (
            declared["namespace"],
            declared["metric_name"],
            declared["dimensions"],
        )
        assert alarm["AlarmActions"] == alarm["OKActions"] == [stack.outputs["alarm_topic_arn"]]


@pytest.mark.parametrize("key", DRIVEN)
async def test_metric_over_its_threshold_notifies(stack, inbox, key):
    await assert_fires_above_threshold(stack, inbox, key, DRIVEN[key])


def evaluate(alarm, published):
    """Evaluate an alarm's expression over the published series, with CloudWatch's functions."""
    statistics = {
        "Sum": sum,
        "SampleCount": len,
        "Average": lambda values: sum(values) / len(values) if values else None,
    }
    values = {
        query["id"]: statistics[metric["stat"]](published.get(identify(metric), []))
        for query in alarm["metric_query"]
        for metric in query["metric"]
    }
    # `if` is a keyword of Python, so IF gets another name.
    functions = {
        "IF_": lambda condition, then, otherwise: then if condition else otherwise,
        "FILL": lambda value, filling: filling if value is None else value,
    }

    (expression,) = [query["expression"] for query in alarm["metric_query"] if query["expression"]]
    assert re.fullmatch(r"[\w\s(),.*+/>=]+", expression), expression
    return eval(expression.replace("IF(", "IF_("), {"__builtins__": {}}, {**functions, **values})


@pytest.mark.parametrize("key", RATES)
async def test_rate_over_its_threshold_notifies(stack, inbox, alarms, publish, key):
    alarm = alarms[key]
    set_state(stack, alarm, "OK")
    published = publish([(catalog.ERROR_RATE, value, code) for value, code in RATES[key]])
    errors, actions = sum(value for value, _ in RATES[key]), len(RATES[key])

    value = evaluate(alarm, published)

    assert value == pytest.approx(100 * errors / actions)
    assert value > alarm["threshold"]
    set_state(stack, alarm, "ALARM", f"{value} percent")
    await inbox.wait_for(alarm["alarm_name"])


async def test_error_rate_ignores_client_mistakes_and_little_traffic(alarms, publish):
    mistakes = publish([(catalog.ERROR_RATE, 1, "VALIDATION_ERROR")] * 60)
    assert evaluate(alarms["error_rate"], mistakes) == 0
    few = publish([(catalog.ERROR_RATE, 1, "INTERNAL_ERROR")] * 49)
    assert evaluate(alarms["error_rate"], few) == 0
    assert evaluate(alarms["refusal_rate"], few) == 0


async def test_janitor_that_does_not_run_notifies(stack, inbox):
    await assert_fires_on_silence(stack, inbox, "janitor_silent", catalog.UPKEEP_LAG)


async def test_composite_alarm_notifies_when_a_user_facing_alarm_fires(stack, inbox, alarms):
    (composite,) = stack.stack.terraform.declared("aws_cloudwatch_composite_alarm").values()
    names = set(re.findall(r'ALARM\("([^"]+)"\)', composite["alarm_rule"]))
    for alarm in alarms.values():
        if alarm["alarm_name"] in names:
            set_state(stack, alarm, "OK")
    set_state(stack, alarms["reply_latency"], "ALARM")
    await inbox.wait_for("deals-local-unhealthy")
    set_state(stack, alarms["reply_latency"], "OK")


async def test_outage_of_the_limits_table_notifies_from_end_to_end(stack, inbox, alarms, connects, user):
    """The router logs that the table fails, its line becomes a metric, and the alarm fires."""
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
