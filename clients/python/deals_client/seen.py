"""A set of the last ids: the oldest make room for new ones."""

from __future__ import annotations

from collections.abc import Iterable


class SeenIds:
    """Up to `size` ids."""

    def __init__(self, size: int, ids: Iterable[str] = ()) -> None:
        self._size = size
        self._ids: dict[str, None] = dict.fromkeys(ids)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, value: str) -> bool:
        """Add an id; returns whether it is new."""
        if value in self._ids:
            return False
        self._ids[value] = None
        if len(self._ids) > self._size:
            del self._ids[next(iter(self._ids))]
        return True

    def newest(self, count: int) -> list[str]:
        """Return the newest ids, the oldest of them first."""
        return list(self._ids)[-count:]
