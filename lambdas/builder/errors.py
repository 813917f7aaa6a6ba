"""The error that a build raises."""

from __future__ import annotations


class BuildError(Exception):
    """A zip cannot be built; the message names the function, the file and the remedy."""
