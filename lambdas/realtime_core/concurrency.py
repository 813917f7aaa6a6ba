"""Doing the same for many at once: what it takes is waiting for answers, not a processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 16


def each(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results of a call for each item, in order. Raises the first error, after all calls were made."""
    if len(items) <= 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(WORKERS, len(items)), thread_name_prefix="each") as pool:
        return list(pool.map(call, items))


def portions(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in their order, at most `size` of them in each portion."""
    return [items[start : start + size] for start in range(0, len(items), size)]
