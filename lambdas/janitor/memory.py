"""The in-memory twin of the leases."""

from __future__ import annotations

import threading

from janitor.leases import NO_PROGRESS, Lease, Progress
from realtime_core.in_memory import InMemoryAdapter


class MemoryLeases(InMemoryAdapter):
    """`Leases` in memory; `taken` has holder and end by part."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken: dict[str, tuple[str, int]] = {}
        self.noted: dict[str, Progress] = {}

    def take(self, part: str, holder: str, now: int, until: int) -> Lease | None:
        """Take a part until a time. None if another holder has it."""
        self._reach()
        with self._lock:
            if self.taken.get(part, ("", 0))[1] > now:
                return None
            self.taken[part] = (holder, until)
            return Lease(part, holder, self.noted.get(part, NO_PROGRESS))

    def note(self, lease: Lease, progress: Progress) -> bool:
        """Note the progress and keep the part. False if another holder has taken it since."""
        self._reach()
        with self._lock:
            held = self.taken.get(lease.part, ("", 0))[0] == lease.holder
            if held:
                self.noted[lease.part] = dict(progress)
            return held

    def give_back(self, lease: Lease, progress: Progress) -> None:
        """Give a part back and note the progress, unless another holder has taken it since."""
        self._reach()
        with self._lock:
            if self.taken.get(lease.part, ("", 0))[0] == lease.holder:
                self.taken[lease.part] = (lease.holder, 0)
                self.noted[lease.part] = dict(progress)

    def progress(self, part: str) -> Progress:
        """The progress that was noted last."""
        self._reach()
        with self._lock:
            return self.noted.get(part, NO_PROGRESS)
