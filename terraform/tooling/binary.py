"""Which Terraform or OpenTofu to use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from terraform.tooling import release
from terraform.tooling.errors import ToolchainError

# Write-only arguments and ephemeral variables, by which the signing secret stays out of the state.
MINIMUM = (1, 11, 0)
NAMES = ("terraform", "tofu")

_FIRST_LINE = re.compile(r"^(Terraform|OpenTofu) v(\d+)\.(\d+)\.(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A binary that can be run; `product` is `Terraform` or `OpenTofu`."""

    path: Path
    product: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.product} {_dotted(self.version)} ({self.path})"


def inspect(path: Path) -> Tool:
    """Ask a binary what it is. Raises ToolchainError where it is no Terraform or OpenTofu that runs."""
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    try:
        answer = subprocess.run(
            [path, "version"], capture_output=True, text=True, timeout=60, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{path} does not run: {error}. {release.BY_HAND}") from error
    match = _FIRST_LINE.search(answer.stdout)
    if not match:
        raise ToolchainError(f"{path} is neither Terraform nor OpenTofu. {release.BY_HAND}")
    return Tool(path, match[1], (int(match[2]), int(match[3]), int(match[4])))


def find(tools_directory: Path) -> Tool:
    """The binary that TERRAFORM names, else a new enough one on PATH, else the pinned release.

    The pinned release is kept in `tools_directory` and fetched when it is not there yet. Raises
    ToolchainError; what TERRAFORM names is never silently replaced by another.
    """
    if named := os.environ.get("TERRAFORM"):
        return _named(named)
    for name in NAMES:
        if found := shutil.which(name):
            tool = inspect(Path(found))
            if tool.version >= MINIMUM:
                return tool
            print(f"Passing over {tool}: {_dotted(MINIMUM)} or newer is needed", file=sys.stderr)
    directory = tools_directory / release.VERSION
    binary = directory / "terraform"
    if not binary.is_file():
        print(f"Fetching Terraform {release.VERSION} into {directory}", file=sys.stderr)
        binary = release.fetch(directory)
    return inspect(binary)


def _named(named: str) -> Tool:
    found = shutil.which(named)
    if not found:
        raise ToolchainError(f"TERRAFORM={named} is not a program that can be run; correct or unset it")
    tool = inspect(Path(found))
    if tool.version < MINIMUM:
        raise ToolchainError(
            f"TERRAFORM names {tool}, but {_dotted(MINIMUM)} or newer is needed; correct or unset it"
        )
    return tool


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
