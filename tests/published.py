"""What functions published: the metrics in what they printed, as CloudWatch would read them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from local_cloud.gateway.metrics import read_emf

if TYPE_CHECKING:
    from collections.abc import Iterable

Published = dict[tuple[str, ...], list[float]]


def published_in(text: str | Iterable[str]) -> Published:
    """Values by name and then the values of the dimensions beside Service: `("MessageCount", "ping")`."""
    lines = text.splitlines() if isinstance(text, str) else text
    found: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for line in lines:
        for series, value in read_emf(line):
            others = [value for name, value in series.dimensions if name != "Service"]
            found[series.name, *others].append(value)
    return dict(found)
