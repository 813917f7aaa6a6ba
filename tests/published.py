"""Reads published metrics from the functions' output, as CloudWatch does."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from local_cloud.gateway.metrics import read_emf

if TYPE_CHECKING:
    from collections.abc import Iterable

Published = dict[tuple[str, ...], list[float]]


def published_in(text: str | Iterable[str]) -> Published:
    """Return values by metric name and the dimensions but Service, such as `("MessageCount", "ping")`."""
    lines = text.splitlines() if isinstance(text, str) else text
    published: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for line in lines:
        for series, value in read_emf(line):
            dimensions = [value for name, value in series.dimensions if name != "Service"]
            published[series.name, *dimensions].append(value)
    return dict(published)
