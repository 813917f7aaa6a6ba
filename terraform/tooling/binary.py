"""Finds the Terraform or OpenTofu binary to use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from terraform.tooling import release
from terraform.tooling.errors import ToolchainError

# The first with write-only arguments and ephemeral variables, which keep the signing secret out of the state.
MINIMUM = (1, 11, 0)
MINIMUM_TEXT = ".".join(map(str, MINIMUM))
PRODUCTS = {"Terraform": "terraform", "OpenTofu": "tofu"}

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
    """Ask a binary for its version. Raises ToolchainError if it does not run or is neither product."""
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    try:
        result = subprocess.run(
            [path, "version"], capture_output=True, text=True, timeout=60, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{path} does not run: {error}. {release.BY_HAND}") from error
    match = _FIRST_LINE.search(result.stdout)
    if not match:
        raise ToolchainError(f"{path} is neither Terraform nor OpenTofu. {release.BY_HAND}")
    return Tool(path, match[1], (int(match[2]), int(match[3]), int(match[4])))


def find(tools_directory: Path, products: Sequence[str] = tuple(PRODUCTS)) -> Tool:
    """Return the binary of `find_installed`, else fetch the pinned release into `tools_directory`.

    Raises ToolchainError.
    """
    if installed := find_installed(tools_directory, products):
        return installed
    directory = tools_directory / release.VERSION
    print(f"Fetching Terraform {release.VERSION} into {directory}", file=sys.stderr)
    return inspect(release.fetch(directory))


def find_installed(tools_directory: Path, products: Sequence[str] = tuple(PRODUCTS)) -> Tool | None:
    """Return what TERRAFORM names, else a new enough one of `products` on PATH, else one fetched before.

    None if there is none of these. Raises ToolchainError where TERRAFORM names an unsuitable binary: it is
    never silently replaced.
    """
    if named := os.environ.get("TERRAFORM"):
        return _named(named, products)

    for product in products:
        if path := shutil.which(PRODUCTS[product]):
            tool = inspect(Path(path))
            if _fits(tool, products):
                return tool
            print(f"Passing over {tool}: {_needed(products)} is needed", file=sys.stderr)

    binary = tools_directory / release.VERSION / "terraform"
    return inspect(binary) if binary.is_file() else None


def _named(named: str, products: Sequence[str]) -> Tool:
    path = shutil.which(named)
    if not path:
        raise ToolchainError(f"TERRAFORM={named} is not a program that can be run; correct or unset it")
    tool = inspect(Path(path))
    if not _fits(tool, products):
        raise ToolchainError(
            f"TERRAFORM names {tool}, but {_needed(products)} is needed; correct or unset it"
        )
    return tool


def _fits(tool: Tool, products: Sequence[str]) -> bool:
    return tool.product in products and tool.version >= MINIMUM


def _needed(products: Sequence[str]) -> str:
    return f"{' or '.join(products)} {MINIMUM_TEXT} or newer"


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
