"""The reference for the filter index: evaluates every distinct filter."""

from __future__ import annotations

from collections.abc import Iterable

from realtime_core.filters.filters import Attributes, load_filter
from realtime_core.subscriptions.base import Group


def matching_groups(groups: Iterable[Group], event: Attributes) -> list[Group]:
    """Return the groups whose filter matches the event; each distinct filter is evaluated once."""
    matches_by_filter: dict[str, bool] = {}
    matching: list[Group] = []
    for group in groups:
        matches = matches_by_filter.get(group.filter)
        if matches is None:
            matches = matches_by_filter[group.filter] = load_filter(group.filter).matches(event)
        if matches:
            matching.append(group)
    return matching
