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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from realtime_core.logs import bound, json_fields
from realtime_core.metric_catalog import COLD_STARTS, COUNT, NAMESPACE, SERVICE, Metric

VALUES_MAX = 100

_Entry = tuple[Metric, str | None, list[float]]

_collected: dict[tuple[Metric, str | None], list[float]] = {}
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


@contextmanager
def measured(event: str, /, **fields: Any) -> Iterator[None]:
    """Around an invocation: binds fields to its log, and writes its metrics at the end, however it ends."""
    with bound(**fields):
        try:
            yield
        finally:
            flush(event)


def flush(event: str) -> None:
    """Write what was collected as lines named `event`; without anything, nothing."""
    global _collected, _cold  # noqa: PLW0603 - a process of Lambda handles one invocation at a time
    if _cold:
        _cold = False
        add(COLD_STARTS, 1, os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "unknown")
    if not _collected:
        return
    collected, _collected = _collected, {}
    # The stdout of now: Lambda's runtime and tests replace it after import.
    sys.stdout.write("".join([_line(entries, event) for entries in _lines(collected)]))
    sys.stdout.flush()


def _lines(collected: dict[tuple[Metric, str | None], list[float]]) -> list[list[_Entry]]:
    """Share entries out over as few lines as their dimensions allow."""
    lines: list[tuple[dict[str, str], set[str], list[_Entry]]] = []
    for (metric, of), given in collected.items():
        values = [sum(given)] if metric.unit == COUNT and len(given) > 1 else given
        for start in range(0, len(values), VALUES_MAX):
            entry = (metric, of, values[start : start + VALUES_MAX])
            for dimensions, names, entries in lines:
                if metric.name in names:
                    continue
                if metric.by is None or of is None or dimensions.setdefault(metric.by, of) == of:
                    names.add(metric.name)
                    entries.append(entry)
                    break
            else:
                lines.append(
                    ({} if metric.by is None or of is None else {metric.by: of}, {metric.name}, [entry])
                )
    return [entries for _, _, entries in lines]


def _line(entries: Sequence[_Entry], event: str) -> str:
    declared, members = [], [f'"{SERVICE}":"{_service()}"']
    dimensions: dict[str, str] = {}
    for metric, of, values in entries:
        declared.append(_declaration(metric, of is not None))
        if metric.by is not None and of is not None:
            dimensions[metric.by] = of
        shown = values[0] if len(values) == 1 else values
        members.append(f'"{metric.name}":{shown}')
    members += [f'"{name}":"{value}"' for name, value in dimensions.items()]
    members.append(json_fields(event))
    about = f'"Timestamp":{int(time.time() * 1000)},"CloudWatchMetrics":[{",".join(declared)}]'
    return f'{{"_aws":{{{about}}},{",".join(members)}}}\n'


_declarations: dict[tuple[Metric, bool], str] = {}


def _declaration(metric: Metric, broken_down: bool) -> str:
    """What the format says of one metric; the same in every line, so it is put together once."""
    key = (metric, broken_down)
    text = _declarations.get(key)
    if text is None:
        sets = [one for one in metric.dimensions if broken_down or len(one) == 1]
        shown = ",".join('["' + '","'.join(one) + '"]' for one in sets)
        text = _declarations[key] = (
            f'{{"Namespace":"{NAMESPACE}","Dimensions":[{shown}],'
            f'"Metrics":[{{"Name":"{metric.name}","Unit":"{metric.unit}"}}]}}'
        )
    return text


def _service() -> str:
    return os.environ.get("SERVICE") or "unknown"
