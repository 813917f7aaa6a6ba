"""What tests of alarms share: whom they tell, what is declared, and how to publish as the functions do."""

from __future__ import annotations

import asyncio
import io
import json
import time
from contextlib import redirect_stdout
from typing import Any

from local_cloud.client import WAIT_SECONDS
from local_cloud.gateway.metrics import Batch, read_emf
from realtime_core.telemetry import metric_catalog as catalog
from realtime_core.telemetry.metrics import Recorder

Values = list[tuple[catalog.Metric, float, str | None]]


class Pager:
    """Who is told: a queue that is subscribed to the topic of the alarms."""

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
        self._told: list[dict[str, Any]] = []

    async def tells(self, alarm: str, state: str = "ALARM") -> dict[str, Any]:
        """Wait until an alarm is told of; the message."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for told in self._told:
                if (told["AlarmName"], told["NewStateValue"]) == (alarm, state):
                    self._told.remove(told)
                    return told
            answer = await asyncio.to_thread(
                self._sqs.receive_message, QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                self._told.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        raise AssertionError(f"nobody was told of {alarm}; told of {self._told}")

    def close(self) -> None:
        self._sqs.delete_queue(QueueUrl=self._url)


def declared(stack: Any) -> dict[str, dict[str, Any]]:
    """The alarms as Terraform declares them, by key."""
    alarms = stack.stack.terraform.declared("aws_cloudwatch_metric_alarm")
    return {address.rpartition('["')[2].rstrip('"]'): values for address, values in alarms.items()}


def on_ours(alarms: dict[str, dict[str, Any]]) -> set[str]:
    """The keys of those that read a metric of our own."""
    return {
        key
        for key, alarm in alarms.items()
        for one in [alarm, *(metric for query in alarm["metric_query"] for metric in query["metric"])]
        if one["namespace"] == catalog.NAMESPACE
    }


def publish(stack: Any, monkeypatch: Any, values: Values) -> dict[Any, list[float]]:
    """Have the functions' code publish values in the deployed service's name; the series that come of it."""
    recorder = Recorder()
    recorder.configure(service="deals-local")
    recorder.start(cold=False)
    printed, batch, found = io.StringIO(), Batch(), {}
    with redirect_stdout(printed):
        for metric, value, of in values:
            recorder.add(metric, value, of)
            recorder.flush("test")
    for line in printed.getvalue().splitlines():
        for series, value in read_emf(line):
            batch.add(series, value)
            found.setdefault((series.namespace, series.name, series.dimensions), []).append(value)
    cloudwatch = stack.stack.client("cloudwatch")
    for namespace, data in batch.take():
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    return found


def identity(declared: dict[str, Any]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What a metric is told by, as an alarm declares it."""
    dimensions = tuple(sorted((declared["dimensions"] or {}).items()))
    return declared["namespace"], declared["metric_name"], dimensions


def set_state(stack: Any, alarm: dict[str, Any], state: str, reason: str = "a test sets it") -> None:
    """Set an alarm's state, as CloudWatch would."""
    stack.stack.client("cloudwatch").set_alarm_state(
        AlarmName=alarm["alarm_name"], StateValue=state, StateReason=reason
    )


async def over_its_threshold_is_told_of(
    stack: Any,
    pager: Pager,
    monkeypatch: Any,
    key: str,
    driven: tuple[catalog.Metric, list[float], str | None],
) -> None:
    """Publish what drives an alarm over its threshold; somebody is told of it, with the runbook's section."""
    alarm, (metric, values, of) = declared(stack)[key], driven
    set_state(stack, alarm, "OK")

    published = publish(stack, monkeypatch, [(metric, value, of) for value in values])

    assert published[identity(alarm)] == values, f"the alarm reads {identity(alarm)}"
    over = max(values) if alarm["statistic"] != "Sum" else sum(values)
    assert over > alarm["threshold"]
    told = await pager.tells(alarm["alarm_name"])
    assert f"docs/telemetry.md, {key}." in told["AlarmDescription"]
    set_state(stack, alarm, "OK")
    await pager.tells(alarm["alarm_name"], "OK")


async def silence_is_told_of(
    stack: Any, pager: Pager, monkeypatch: Any, key: str, metric: catalog.Metric
) -> None:
    """A dead man's switch counts what every run publishes, and fires where there is none of it."""
    alarm = declared(stack)[key]
    assert identity(alarm) in publish(stack, monkeypatch, [(metric, 3, None)]), "what every run publishes"
    assert (alarm["statistic"], alarm["treat_missing_data"]) == ("SampleCount", "breaching")
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("LessThanThreshold", 1)
    set_state(stack, alarm, "OK")
    set_state(stack, alarm, "ALARM", "no datapoints")
    await pager.tells(alarm["alarm_name"])
