"""What the filter index is held against: every distinct filter evaluated once, one by one."""

from __future__ import annotations

from collections.abc import Iterable

from realtime_core.filters.filters import Attributes, load_filter
from realtime_core.subscriptions.base import Group


def matching_groups(groups: Iterable[Group], event: Attributes) -> list[Group]:
    """The groups whose filter matches the event; each distinct filter is evaluated once."""
    verdicts: dict[str, bool] = {}
    matching: list[Group] = []
    for group in groups:
        verdict = verdicts.get(group.filter)
        if verdict is None:
            verdict = verdicts[group.filter] = load_filter(group.filter).matches(event)
        if verdict:
            matching.append(group)
    return matching
