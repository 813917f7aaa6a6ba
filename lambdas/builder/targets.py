"""The platforms that zips are built for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from builder.errors import BuildError


@dataclass(frozen=True, slots=True)
class Target:
    """A platform: its name, its Python as MAJOR.MINOR, and uv's name of it (None for this machine)."""

    name: str
    python: str
    platform: str | None


def resolve_target(name: str) -> Target:
    """Return the target `lambda` or `local`; a local cloud runs functions on this machine's Python."""
    match name:
        case "lambda":
            # The python3.13 runtime on arm64 is Amazon Linux 2023, which has glibc 2.34.
            return Target(name, "3.13", "aarch64-manylinux_2_34")
        case "local":
            return Target(name, f"{sys.version_info.major}.{sys.version_info.minor}", None)
    raise BuildError(f"TARGET must be lambda or local, not {name!r}")
