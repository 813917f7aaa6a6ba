"""Positions that outlive the process (rule 21)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from deals_client.clock import Clock, Timer
from deals_client.json_values import as_object

SAVE_SECONDS = 1.0
"""Saved at most so often."""
KEPT_SECONDS = 24 * 3600
"""Older positions are not used: the service keeps its history for a day."""
IDS_KEPT = 200


class Storage(Protocol):
    """A place for one text. What it raises is a warning, never the client's failure."""

    def load(self) -> str | None:
        """Return the text, or None if there is none."""

    def save(self, text: str) -> None:
        """Replace the text."""


class FileStorage:
    """A file, which is replaced in one step. One client at a time may use it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        """Return the file's text, or None if it does not exist."""
        with suppress(FileNotFoundError):
            return self._path.read_text("utf-8")
        return None

    def save(self, text: str) -> None:
        """Write the file anew."""
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        fresh.write_text(text, "utf-8")
        fresh.replace(self._path)


class MemoryStorage:
    """A text in memory: for tests, and for an application that stores it itself."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text

    def load(self) -> str | None:
        """Return the text."""
        return self.text

    def save(self, text: str) -> None:
        """Keep the text."""
        self.text = text


class Positions:
    """The positions of one user, loaded once and saved at most once a second.

    `collect` returns the position of each topic, and the newest ids; `warn` tells of a storage that fails.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        collect: Callable[[], tuple[Mapping[str, int], Sequence[str]]],
        warn: Callable[[str, str, BaseException], None],
    ) -> None:
        self._storage, self._clock, self._collect, self._warn = storage, clock, collect, warn
        self._timer: Timer | None = None
        self._user: str | None = None
        self._loaded: dict[str, Any] = self._load()
        self.ids: Sequence[str] = ()
        """The last ids of the process before."""

    @property
    def knows_user(self) -> bool:
        """Whether the user is known, so that what was loaded may be used or is dropped."""
        return self._user is not None or not self._loaded

    def meet(self, user: str) -> None:
        """Take over who the user is: what another user has left is not used."""
        if self._user is not None:
            return
        self._user = user
        age = self._clock.time() - self._loaded.get("time", 0)
        if self._loaded.get("user") != user or not 0 <= age < KEPT_SECONDS:
            self._loaded = {}
        self.ids = tuple(self._loaded.get("ids", ()))

    def position(self, topic: str) -> int | None:
        """Return the position that the process before had of a topic."""
        position = self._loaded.get("positions", {}).get(topic)
        return position if isinstance(position, int) else None

    def note_change(self) -> None:
        """Save soon."""
        if self._timer is None and self._user is not None:
            self._timer = self._clock.call_later(SAVE_SECONDS, self.save)

    def save(self) -> None:
        """Save now."""
        self.stop()
        if self._user is None:
            return
        positions, ids = self._collect()
        content = {
            "user": self._user,
            "positions": positions,
            "ids": ids[-IDS_KEPT:],
            "time": self._clock.time(),
        }
        try:
            self._storage.save(json.dumps(content))
        except Exception as error:  # noqa: BLE001 - a full disk must not end the stream
            self._warn("storageFailed", "the positions could not be saved", error)

    def stop(self) -> None:
        """Clear the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _load(self) -> dict[str, Any]:
        try:
            return as_object(json.loads(self._storage.load() or "{}"))
        except Exception as error:  # noqa: BLE001 - as in `save`
            self._warn("storageFailed", "the positions could not be loaded", error)
            return {}
