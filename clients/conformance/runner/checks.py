"""Comparisons that say what differs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from clients.conformance.runner.driver import Notice, Unfulfilled, includes


def compare(value: Any, wanted: Any) -> None:
    """Raise Unfulfilled unless a value has the wanted fields, or is at most `max`."""
    is_limited = isinstance(value, int) and isinstance(wanted, Mapping)
    if value > wanted["max"] if is_limited else not includes(value, wanted):
        raise Unfulfilled(f"is {json.dumps(value)}, not {json.dumps(wanted)}")


def compare_deliveries(events: Sequence[Notice], expected: Sequence[str], *, in_order: bool) -> None:
    """Raise Unfulfilled unless exactly these events were handed out, each once."""
    times = Counter(event["eventId"] for event in events)
    lost = [event_id for event_id in expected if not times[event_id]]
    twice = [event_id for event_id, count in times.items() if count > 1]
    strange = sorted(times.keys() - set(expected))
    if lost or twice or strange:
        counts = f"{len(lost)} lost, {len(twice)} twice, {len(strange)} not wanted, of {len(expected)}"
        raise Unfulfilled(f"{counts}: {[*lost[:3], *twice[:3], *strange[:3]]}")
    positions = [event["position"] for event in events]
    if in_order and positions != sorted(positions):
        raise Unfulfilled(f"not in the order of their positions: {positions[:20]}")
