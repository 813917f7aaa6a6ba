"""Leases of parts of the janitor's work, so that runs at the same time do not do the same, with its progress.

A part is a partition of the schedule, or a share of the revocations. A lease ends by itself, so a run that
died keeps nobody out for longer than a run lasts. What it had not noted is done again, which does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

Progress = Mapping[str, int | str]
"""How far the work on a part has come; what it holds is its owner's affair."""

NO_PROGRESS: Progress = MappingProxyType({})


class Lease(NamedTuple):
    """The right to work on a part until a time, and the progress that was noted last."""

    part: str
    holder: str
    progress: Progress = NO_PROGRESS


class Leases(Protocol):
    """The leases of all parts. Times are epoch seconds."""

    def take(self, part: str, holder: str, now: int, until: int) -> Lease | None:
        """Take a part until a time (one write). None if another holder has it."""

    def note(self, lease: Lease, progress: Progress) -> bool:
        """Note the progress and keep the part (one write). False if another holder has taken it since."""

    def give_back(self, lease: Lease, progress: Progress) -> None:
        """Give a part back and note the progress (one write), unless another holder has taken it since."""

    def progress(self, part: str) -> Progress:
        """The progress that was noted last (one read)."""
