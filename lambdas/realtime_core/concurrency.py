"""Concurrent calls for work that waits on the network, not on the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 16


def map_concurrently(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call a function for each item; the results in order. Raises the first error, after all calls ended."""
    if len(items) <= 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(WORKERS, len(items)), thread_name_prefix="map") as pool:
        return list(pool.map(call, items))


def batched(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in order, in batches of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
