"""Finds a filesystem mirror of providers on this machine; without one they come from the registry."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from terraform.tooling.errors import ToolchainError

REGISTRIES = {"Terraform": "registry.terraform.io", "OpenTofu": "registry.opentofu.org"}
PLACES = (Path("/usr/share/terraform"), Path("/usr/local/share/terraform"), Path("/opt"))
PROVIDER = "hashicorp/aws"

# /opt may hold large trees: search at most this many folders below a place (/opt/terraform/plugins).
_DEPTH = 2


def find(product: str, platform: str, places: Iterable[Path] = PLACES) -> Path | None:
    """Return the folder for `init -plugin-dir`, or None where providers come from the registry.

    A mirror counts only if it has the AWS provider for this platform, because `-plugin-dir` disables the
    registry. Raises ToolchainError if TF_PLUGIN_DIR names a folder without that provider.
    """
    registry = REGISTRIES[product]
    if named := os.environ.get("TF_PLUGIN_DIR"):
        directory = Path(named).resolve()
        if not _serves(directory / registry, platform):
            raise ToolchainError(
                f"TF_PLUGIN_DIR={named} holds no {registry}/{PROVIDER} for {platform}; correct or unset it"
            )
        return directory

    for place in places:
        for directory in _folders(place, _DEPTH):
            if _serves(directory / registry, platform):
                return directory
    return None


def _serves(registry: Path, platform: str) -> bool:
    provider = registry / PROVIDER
    return any(provider.glob(f"*/{platform}")) or any(provider.glob(f"terraform-provider-*_{platform}.zip"))


def _folders(place: Path, depth: int) -> Iterator[Path]:
    """Yield `place` and the folders below it, level by level, so that the nearest mirror wins."""
    level = [place]
    for _ in range(depth + 1):
        yield from level
        level = [child for parent in level for child in _children(parent)]


def _children(parent: Path) -> list[Path]:
    try:
        return sorted(child for child in parent.iterdir() if child.is_dir())
    except OSError:  # missing or not readable: it holds no usable mirror
        return []
