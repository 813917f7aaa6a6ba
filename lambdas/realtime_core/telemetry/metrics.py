"""Our own metrics in CloudWatch's embedded metric format (EMF): a line of JSON on stdout, and no call.

    with measured("answered", connectionId=connection_id, correlationId=request_id):
        add(MESSAGE_COUNT, 1, "ping")

The values that an invocation adds are written at its end, in one line if they fit one, with the fields that
are bound to the log: the line is also the record of the invocation. `metric_catalog` has every metric; no
other can be added.

Outside limits: CloudWatch takes at most 100 values of a metric in a line, and one value of each dimension.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from realtime_core.telemetry.logs import Bound, json_fields
from realtime_core.telemetry.metric_catalog import COLD_STARTS, COUNT, NAMESPACE, SERVICE, Metric

if TYPE_CHECKING:
    from types import TracebackType

VALUES_MAX = 100
DECLARATIONS_MAX = 256
"""Combinations of metrics that a process remembers; those that it has are few."""

_Key = tuple[Metric, str | None]
"""A metric, and its value of the dimension that it is broken down by."""
_Values = Mapping[_Key, list[float]]
_Declaration = tuple[str, tuple[str, ...]]
"""What declares the metrics of a line, with the dimensions' values; and the metrics' names."""


class Recorder:
    """Collects the values of an invocation, and writes them at its end. A process has one, `recorder`."""

    __slots__ = ("_cold", "_collected", "_declarations", "_function", "_service")

    def __init__(self) -> None:
        self.configure()
        self.start()

    def configure(self, *, service: str = "unknown", function: str = "unknown") -> None:
        """Set the value of the dimension `Service`, and the function's name, by which cold starts count."""
        self._service = service
        self._function = function
        # The part that all lines of the same metrics share. There are few, as dimensions have few values.
        self._declarations: dict[tuple[_Key, ...], _Declaration] = {}

    def start(self, *, cold: bool = True) -> None:
        """Discard what was collected; `cold` says whether the next invocation counts as a cold start."""
        self._collected: dict[_Key, list[float]] = {}
        self._cold = cold

    def add(self, metric: Metric, value: float, of: str | None = None) -> None:
        """Collect a value; `of` is its value of the dimension that the metric is broken down by.

        Safe to call from several threads. Raises ValueError if the metric has no such dimension or needs one.
        """
        if of is None and not metric.whole:
            raise ValueError(f"{metric.name} is published by {metric.by} alone; say of which")
        if of is not None and metric.by is None:
            raise ValueError(f"{metric.name} has no dimension of its own; leave out {of!r}")
        self._collected.setdefault((metric, of), []).append(value)

    def flush(self, event: str) -> None:
        """Write the collected values as lines named `event`; nothing if there are none."""
        if self._cold:
            self._cold = False
            self.add(COLD_STARTS, 1, self._function)
        if not self._collected:
            return

        collected, self._collected = self._collected, {}
        fields = json_fields(event)
        keys = tuple(collected)
        declaration = self._declarations.get(keys)
        if declaration is not None and sum(map(len, collected.values())) == len(keys):
            text = _line(declaration, collected, fields)
        else:
            parts = _parts(collected)
            text = "".join([_line(self._declaration(tuple(part)), part, fields) for part in parts])
        # Looked up now: Lambda's runtime and tests replace stdout after this module is imported.
        sys.stdout.write(text)
        sys.stdout.flush()

    def _declaration(self, keys: tuple[_Key, ...]) -> _Declaration:
        declaration = self._declarations.get(keys)
        if declaration is None:
            if len(self._declarations) == DECLARATIONS_MAX:
                self._declarations.clear()
            declaration = self._declarations[keys] = _declaration(keys, self._service)
        return declaration


def _parts(collected: _Values) -> Sequence[_Values]:
    """Distribute values over as few lines as their dimensions allow."""
    lines: list[_Line] = []
    for (metric, of), collected_values in collected.items():
        values = [sum(collected_values)] if metric.unit == COUNT else collected_values
        for start in range(0, len(values), VALUES_MAX):
            line = next((line for line in lines if line.fits(metric, of)), None)
            if line is None:
                line = _Line()
                lines.append(line)
            line.put(metric, of, values[start : start + VALUES_MAX])
    return [line.values for line in lines]


def _line(declaration: _Declaration, part: _Values, fields: str) -> str:
    declared, names = declaration
    values = ",".join(
        [
            f'"{name}":{values[0] if len(values) == 1 else values}'
            for name, values in zip(names, part.values(), strict=True)
        ]
    )
    return f'{{"_aws":{{"Timestamp":{int(time.time() * 1000)},{declared},{values},{fields}}}\n'


class _Line:
    """The values of one line, while it is put together."""

    __slots__ = ("_dimensions", "_names", "values")

    def __init__(self) -> None:
        self._dimensions: dict[str, str] = {}
        self._names: set[str] = set()
        self.values: dict[_Key, list[float]] = {}

    def fits(self, metric: Metric, of: str | None) -> bool:
        """Whether the line takes the metric: it has it not yet, and no other value of its dimension."""
        if metric.name in self._names:
            return False
        return metric.by is None or of is None or self._dimensions.get(metric.by, of) == of

    def put(self, metric: Metric, of: str | None, values: list[float]) -> None:
        """Add a metric's values."""
        self._names.add(metric.name)
        self.values[metric, of] = values
        if metric.by is not None and of is not None:
            self._dimensions[metric.by] = of


recorder = Recorder()
add = recorder.add
flush = recorder.flush


class measured(Bound):  # noqa: N801 - a context manager, as `bound`
    """Around an invocation: binds fields to its log, and writes its metrics at the end, even if it raises."""

    __slots__ = ("_event",)

    def __init__(self, event: str, /, **fields: object) -> None:
        super().__init__(**fields)
        self._event = event

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        flush(self._event)
        super().__exit__(kind, error, trace)


def _declaration(keys: Sequence[_Key], service: str) -> _Declaration:
    declared = ",".join([_directive(metric, broken_down=of is not None) for metric, of in keys])
    dimensions = {SERVICE: service}
    dimensions |= {metric.by: of for metric, of in keys if metric.by is not None and of is not None}
    members = ",".join([f'"{name}":"{value}"' for name, value in dimensions.items()])
    return f'"CloudWatchMetrics":[{declared}]}},{members}', tuple(metric.name for metric, _ in keys)


def _directive(metric: Metric, *, broken_down: bool) -> str:
    sets = [names for names in metric.dimensions if broken_down or len(names) == 1]
    encoded = ",".join(['["' + '","'.join(names) + '"]' for names in sets])
    return (
        f'{{"Namespace":"{NAMESPACE}","Dimensions":[{encoded}],'
        f'"Metrics":[{{"Name":"{metric.name}","Unit":"{metric.unit}"}}]}}'
    )
