"""Metrics of our own, in CloudWatch's embedded metric format: a line of JSON on stdout, and no call.

    with measured("answered", connectionId=connection_id, correlationId=request_id):
        add(MESSAGE_COUNT, 1, "ping")

What an invocation adds is written at its end, in one line wherever it fits one, together with the fields that
are bound to the log: so that line is also the record of what the invocation was about. Which metrics there
are, `metric_catalog` says; nothing else can be spelled.

Outside limits: CloudWatch takes at most 100 values of a metric in a line, and one value of each dimension.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_core.telemetry.logs import Bound, json_fields
from realtime_core.telemetry.metric_catalog import COLD_STARTS, COUNT, NAMESPACE, SERVICE, Metric

if TYPE_CHECKING:
    from types import TracebackType

VALUES_MAX = 100

_Key = tuple[Metric, str | None]
"""A metric, and its value of the dimension that it is broken down by."""

_collected: dict[_Key, list[float]] = {}
_cold = True


def add(metric: Metric, value: float, of: str | None = None) -> None:
    """Collect a value; `of` is its value of the dimension that the metric is broken down by.

    Safe to call from several threads. Raises ValueError where the metric has no such dimension, or needs one.
    """
    if of is None and not metric.whole:
        raise ValueError(f"{metric.name} is published by {metric.by} alone; say of which")
    if of is not None and metric.by is None:
        raise ValueError(f"{metric.name} has no dimension of its own; leave out {of!r}")
    _collected.setdefault((metric, of), []).append(value)


class measured(Bound):  # noqa: N801 - a context manager, as `bound`
    """Around an invocation: binds fields to its log, and writes its metrics at the end, however it ends."""

    __slots__ = ("_event",)

    def __init__(self, event: str, /, **fields: Any) -> None:
        super().__init__(**fields)
        self._event = event

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        flush(self._event)
        super().__exit__(kind, error, trace)


def flush(event: str) -> None:
    """Write what was collected as lines named `event`; without anything, nothing."""
    global _collected, _cold  # noqa: PLW0603 - a process of Lambda handles one invocation at a time
    if _cold:
        _cold = False
        add(COLD_STARTS, 1, os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "unknown")
    if not _collected:
        return
    collected, _collected = _collected, {}
    fields = json_fields(event)
    # The stdout of now: Lambda's runtime and tests replace it after import.
    sys.stdout.write("".join([_line(part, fields) for part in _parts(collected)]))
    sys.stdout.flush()


def _parts(collected: Mapping[_Key, list[float]]) -> Sequence[Mapping[_Key, list[float]]]:
    """Share what was collected out over as few lines as their dimensions allow."""
    if tuple(collected) in _frames and all(len(values) == 1 for values in collected.values()):
        return (collected,)
    parts: list[tuple[dict[str, str], set[str], dict[_Key, list[float]]]] = []
    for key, given in collected.items():
        metric, of = key
        values = [sum(given)] if metric.unit == COUNT else given
        for start in range(0, len(values), VALUES_MAX):
            fitting = (one for one in parts if _fits(metric, of, one[0], one[1]))
            found = next(fitting, None)
            if found is None:
                found = ({}, set(), {})
                parts.append(found)
            dimensions, names, part = found
            names.add(metric.name)
            part[key] = values[start : start + VALUES_MAX]
            if metric.by is not None and of is not None:
                dimensions[metric.by] = of
    return [part for _, _, part in parts]


def _fits(metric: Metric, of: str | None, dimensions: Mapping[str, str], names: set[str]) -> bool:
    """Whether a line with these dimensions and metrics takes another metric."""
    if metric.name in names:
        return False
    return metric.by is None or of is None or dimensions.get(metric.by, of) == of


def _line(part: Mapping[_Key, list[float]], fields: str) -> str:
    keys = tuple(part)
    frame = _frames.get(keys)
    if frame is None:
        frame = _frames[keys] = _frame(keys)
    declared, names = frame
    values = [
        f'"{name}":{found[0] if len(found) == 1 else found}'
        for name, found in zip(names, part.values(), strict=True)
    ]
    return f'{{"_aws":{{"Timestamp":{int(time.time() * 1000)},{declared},{",".join(values)},{fields}}}\n'


_frames: dict[tuple[_Key, ...], tuple[str, tuple[str, ...]]] = {}
"""What is the same in all lines of the same metrics, made once: few, as dimensions have few values."""


def _frame(keys: Sequence[_Key]) -> tuple[str, tuple[str, ...]]:
    """What declares the metrics, with the dimensions' values; and the metrics' names."""
    declared = ",".join([_declaration(metric, broken_down=of is not None) for metric, of in keys])
    dimensions = {SERVICE: os.environ.get("SERVICE") or "unknown"}
    dimensions |= {metric.by: of for metric, of in keys if metric.by is not None and of is not None}
    members = ",".join([f'"{name}":"{value}"' for name, value in dimensions.items()])
    return f'"CloudWatchMetrics":[{declared}]}},{members}', tuple(metric.name for metric, _ in keys)


def _declaration(metric: Metric, *, broken_down: bool) -> str:
    sets = [one for one in metric.dimensions if broken_down or len(one) == 1]
    shown = ",".join(['["' + '","'.join(one) + '"]' for one in sets])
    return (
        f'{{"Namespace":"{NAMESPACE}","Dimensions":[{shown}],'
        f'"Metrics":[{{"Name":"{metric.name}","Unit":"{metric.unit}"}}]}}'
    )
