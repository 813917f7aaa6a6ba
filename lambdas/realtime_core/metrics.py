"""Metrics of our own, in CloudWatch's embedded metric format: a line of JSON on stdout, and no call.

    emit({"ConnectionCount": (3, "Count"), "UpkeepLag": (1.5, "Seconds")})
    count("LimiterFailures")

Outside limit: CloudWatch makes, and charges for, a metric of each combination of dimension values. So no id
of a user or connection is ever a dimension; what varies that much is a field of a log line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping

NAMESPACE = "DealsWebSocket"


def emit(metrics: Mapping[str, tuple[float, str]], dimensions: Mapping[str, str] | None = None) -> None:
    """Publish values, each with its unit as CloudWatch names it, in one line; without any, nothing."""
    if not metrics:
        return
    shared = dimensions or {}
    declared = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(shared)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [declared]},
        **shared,
        **{name: value for name, (value, _) in metrics.items()},
    }
    # The stdout of now: Lambda's runtime and tests replace it after import.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def count(name: str) -> None:
    """Count once something that happened in this function."""
    emit({name: (1, "Count")}, {"Function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown")})
