"""The one error of the build."""

from __future__ import annotations


class BuildError(Exception):
    """A zip that cannot be built; the text names the function, the file and the remedy."""
