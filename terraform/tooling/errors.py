"""The one error of the toolchain."""

from __future__ import annotations


class ToolchainError(Exception):
    """Something is missing or wrong on this machine; the text names it and the remedy."""
