"""What a check of this machine came to."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Level(enum.Enum):
    """How a finding counts; the value is the mark before its line."""

    WELL = "ok"
    NOTE = "note"
    """Works, in another way than with it: something is fetched, or a part is left out."""
    TROUBLE = "MISSING"
    """Something fails until the remedy is applied."""


class Finding(NamedTuple):
    """One line of the report."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


def well(subject: str, text: str) -> Finding:
    """Report what is as it should be."""
    return Finding(Level.WELL, subject, text)


def note(subject: str, text: str, remedy: str = "") -> Finding:
    """Report what works differently."""
    return Finding(Level.NOTE, subject, text, remedy)


def trouble(subject: str, text: str, remedy: str) -> Finding:
    """Report what fails, with what to do."""
    return Finding(Level.TROUBLE, subject, text, remedy)
