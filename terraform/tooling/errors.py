"""The error that the toolchain raises."""

from __future__ import annotations


class ToolchainError(Exception):
    """Something is missing or wrong on this machine; the text names it and the remedy."""
