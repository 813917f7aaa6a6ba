"""The platforms that zips are built for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from builder.errors import BuildError

# By Lambda's name of the instruction set. The python3.13 runtime is Amazon Linux 2023, which has glibc 2.34.
_PLATFORMS = {"arm64": "aarch64-manylinux_2_34", "x86_64": "x86_64-manylinux_2_34"}


@dataclass(frozen=True, slots=True)
class Target:
    """A platform: its name, its Python as MAJOR.MINOR, and uv's and Lambda's names of it.

    `platform` and `architecture` are None for this machine.
    """

    name: str
    python: str
    platform: str | None
    architecture: str | None = None

    @property
    def suffix(self) -> str:
        """What a zip's name ends with, so that zips for both architectures may lie side by side."""
        return "-x86_64" if self.architecture == "x86_64" else ""


def resolve_target(name: str, architecture: str = "arm64") -> Target:
    """Return the target `lambda` or `local`; a local cloud runs functions on this machine's Python.

    `architecture` is Lambda's, arm64 or x86_64. Raises BuildError for others.
    """
    match name:
        case "lambda" if architecture in _PLATFORMS:
            return Target(name, "3.13", _PLATFORMS[architecture], architecture)
        case "lambda":
            raise BuildError(f"ARCHITECTURE must be {' or '.join(_PLATFORMS)}, not {architecture!r}")
        case "local":
            return Target(name, f"{sys.version_info.major}.{sys.version_info.minor}", None)
    raise BuildError(f"TARGET must be lambda or local, not {name!r}")
