"""Helpers for tests of alarms: their notifications, their declarations, and metrics to drive them."""

from __future__ import annotations

import asyncio
import io
import json
import time
from contextlib import redirect_stdout
from typing import Any

from local_cloud.client import WAIT_SECONDS
from local_cloud.gateway.metrics import MetricBatch, read_emf
from realtime_core.telemetry import metric_catalog as catalog
from realtime_core.telemetry.metrics import Recorder

Values = list[tuple[catalog.Metric, float, str | None]]


class AlarmInbox:
    """A queue subscribed to the topic of the alarms."""

    def __init__(self, stack: Any) -> None:
        self._sqs, sns = stack.stack.client("sqs"), stack.stack.client("sns")
        self._url = self._sqs.create_queue(QueueName=f"pager-{time.monotonic_ns()}")["QueueUrl"]
        about = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])

        arn, topic = about["Attributes"]["QueueArn"], stack.outputs["alarm_topic_arn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }

        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})

        attributes = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        self._notifications: list[dict[str, Any]] = []

    async def wait_for(self, alarm: str, state: str = "ALARM") -> dict[str, Any]:
        """Wait for the notification that an alarm reached a state; return and remove it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for notification in self._notifications:
                if (notification["AlarmName"], notification["NewStateValue"]) == (alarm, state):
                    self._notifications.remove(notification)
                    return notification

            response = await asyncio.to_thread(
                self._sqs.receive_message, QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in response.get("Messages", []):
                self._notifications.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        raise AssertionError(f"no notification of {alarm}; received {self._notifications}")

    def close(self) -> None:
        """Delete the queue."""
        self._sqs.delete_queue(QueueUrl=self._url)


def read_declared_alarms(stack: Any) -> dict[str, dict[str, Any]]:
    """Return the alarms as Terraform declares them, by key."""
    alarms = stack.stack.terraform.declared("aws_cloudwatch_metric_alarm")
    return {address.rpartition('["')[2].rstrip('"]'): values for address, values in alarms.items()}


def select_own(alarms: dict[str, dict[str, Any]]) -> set[str]:
    """Return the keys of the alarms that read a metric of our own."""
    return {
        key
        for key, alarm in alarms.items()
        for source in [alarm, *(metric for query in alarm["metric_query"] for metric in query["metric"])]
        if source["namespace"] == catalog.NAMESPACE
    }


def publish_metrics(stack: Any, values: Values) -> dict[Any, list[float]]:
    """Publish values with the functions' own code, as the deployed service; return the published series."""
    recorder = Recorder()
    recorder.configure(service="deals-local")
    recorder.start(cold=False)

    printed, batch, published = io.StringIO(), MetricBatch(), {}
    with redirect_stdout(printed):
        for metric, value, dimension in values:
            recorder.add(metric, value, dimension)
            recorder.flush("test")

    for line in printed.getvalue().splitlines():
        for series, value in read_emf(line):
            batch.add(series, value)
            published.setdefault((series.namespace, series.name, series.dimensions), []).append(value)

    cloudwatch = stack.stack.client("cloudwatch")
    for namespace, data in batch.take():
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    return published


def identify(declared: dict[str, Any]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return namespace, name and dimensions of a metric, as an alarm declares it."""
    dimensions = tuple(sorted((declared["dimensions"] or {}).items()))
    return declared["namespace"], declared["metric_name"], dimensions


def set_state(stack: Any, alarm: dict[str, Any], state: str, reason: str = "a test sets it") -> None:
    """Set the state of an alarm, as CloudWatch would."""
    stack.stack.client("cloudwatch").set_alarm_state(
        AlarmName=alarm["alarm_name"], StateValue=state, StateReason=reason
    )


async def assert_fires_above_threshold(
    stack: Any,
    inbox: AlarmInbox,
    key: str,
    driven: tuple[catalog.Metric, list[float], str | None],
) -> None:
    """Drive an alarm over its threshold; its notification must name the runbook's section."""
    alarm, (metric, values, dimension) = read_declared_alarms(stack)[key], driven
    set_state(stack, alarm, "OK")

    published = publish_metrics(stack, [(metric, value, dimension) for value in values])

    assert published[identify(alarm)] == values, f"the alarm reads {identify(alarm)}"
    over = max(values) if alarm["statistic"] != "Sum" else sum(values)
    assert over > alarm["threshold"]

    notification = await inbox.wait_for(alarm["alarm_name"])
    assert f"docs/telemetry.md, {key}." in notification["AlarmDescription"]
    set_state(stack, alarm, "OK")
    await inbox.wait_for(alarm["alarm_name"], "OK")


async def assert_fires_on_silence(stack: Any, inbox: AlarmInbox, key: str, metric: catalog.Metric) -> None:
    """A dead man's switch counts a metric that every run publishes, and fires when it is missing."""
    alarm = read_declared_alarms(stack)[key]
    published = publish_metrics(stack, [(metric, 3, None)])
    assert identify(alarm) in published, f"no run publishes {identify(alarm)}, which the alarm reads"
    assert (alarm["statistic"], alarm["treat_missing_data"]) == ("SampleCount", "breaching")
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("LessThanThreshold", 1)

    set_state(stack, alarm, "OK")
    set_state(stack, alarm, "ALARM", "no datapoints")
    await inbox.wait_for(alarm["alarm_name"])
