"""Metrics in CloudWatch's form: API Gateway's own six, and those that functions print as EMF.

docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from local_cloud.gateway.access_log import AccessRecord

NAMESPACE = "AWS/ApiGateway"
# PutMetricData takes at most this many different values of one metric, and this many metrics.
_MAX_VALUES = 150
_MAX_DATA = 500


class Series(NamedTuple):
    """The identity of a metric, and the second that its values belong to."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    second: int


def measure(access: AccessRecord) -> Iterator[tuple[str, float]]:
    """Yield names and values of the API Gateway metrics that one event changes."""
    outcome = access.outcome
    if access.kind == "MESSAGE":
        yield "MessageCount", 1
        if access.replied:
            yield "MessageCount", 1
    elif access.kind == "CONNECT" and (outcome is not None or access.status < 400):
        yield "ConnectCount", 1

    if outcome is None:
        if 400 <= access.status < 500:
            yield "ClientError", 1
        elif access.status >= 500:
            yield "ExecutionError", 1
        return

    if outcome.latency_ms is not None:
        yield "IntegrationLatency", outcome.latency_ms
    if outcome.error:
        yield "ExecutionError", 1
    elif outcome.status >= 400:
        yield "IntegrationError", 1


def read_emf(text: str) -> Iterator[tuple[Series, float]]:
    """Yield the values in one log line; none when it is not in the embedded metric format."""
    try:
        record = json.loads(text)
        directives = record["_aws"]["CloudWatchMetrics"]
        second = int(record["_aws"]["Timestamp"]) // 1000

        for directive in directives:
            for dimension_set in directive["Dimensions"]:
                dimensions = tuple(sorted((name, str(record[name])) for name in dimension_set))
                for metric in directive["Metrics"]:
                    series = Series(
                        directive["Namespace"], metric["Name"], dimensions, metric.get("Unit", "None"), second
                    )
                    values = record[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        yield series, float(value)
    except (ValueError, TypeError, KeyError):
        return


class MetricBatch:
    """Values collected until they are published."""

    def __init__(self) -> None:
        self._values: dict[Series, Counter[float]] = {}

    def add(self, series: Series, value: float) -> None:
        """Add one value."""
        self._values.setdefault(series, Counter())[value] += 1

    def take(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Empty the batch; yield namespace and MetricData of each PutMetricData call to make."""
        collected, self._values = self._values, {}
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for series, values in collected.items():
            distinct = list(values.items())
            for start in range(0, len(distinct), _MAX_VALUES):
                part = distinct[start : start + _MAX_VALUES]
                by_namespace.setdefault(series.namespace, []).append(
                    {
                        "MetricName": series.name,
                        "Dimensions": [{"Name": n, "Value": v} for n, v in series.dimensions],
                        "Timestamp": series.second,
                        "Unit": series.unit,
                        "Values": [value for value, _ in part],
                        "Counts": [float(count) for _, count in part],
                    }
                )

        for namespace, data in by_namespace.items():
            for start in range(0, len(data), _MAX_DATA):
                yield namespace, data[start : start + _MAX_DATA]
