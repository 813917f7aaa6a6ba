"""Where providers come from: a filesystem mirror on this machine if there is one, else the registry."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from terraform.tooling.errors import ToolchainError

REGISTRIES = {"Terraform": "registry.terraform.io", "OpenTofu": "registry.opentofu.org"}
PLACES = (Path("/usr/share/terraform"), Path("/usr/local/share/terraform"), Path("/opt"))
PROVIDER = "hashicorp/aws"

# /opt holds anything: a mirror stands at most this many folders below a place (/opt/terraform/plugins).
_DEPTH = 2


def find(product: str, platform: str, places: Iterable[Path] = PLACES) -> Path | None:
    """The folder to hand to `init -plugin-dir`, or None where providers come from the registry.

    A mirror counts only if it has the AWS provider for this platform, because `-plugin-dir` shuts the
    registry out. The folder that TF_PLUGIN_DIR names must be one; ToolchainError says what it lacks.
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
    """`place` and the folders below it, level by level, so that the nearest mirror wins."""
    level = [place]
    for _ in range(depth + 1):
        yield from level
        level = [child for parent in level for child in _children(parent)]


def _children(parent: Path) -> list[Path]:
    try:
        return sorted(child for child in parent.iterdir() if child.is_dir())
    except OSError:  # not there, or not ours to read: then there is no mirror for us in it
        return []
