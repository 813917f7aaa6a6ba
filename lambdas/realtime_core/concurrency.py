"""Making many calls at once that wait for responses and need little processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 16


def map_concurrently(call: Callable[[T], R], items: Sequence[T], workers: int = WORKERS) -> list[R]:
    """Call `call` with each item, in at most `workers` threads, and return the results in order.

    Raises the first error, after the calls that have begun have ended. Those that no thread has begun by then
    are not made: what failed is likely to fail again, and a function's time is short.
    """
    if len(items) <= 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(workers, len(items)), thread_name_prefix="concurrent") as pool:
        return list(pool.map(call, items))


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Split items, in their order, into batches of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
