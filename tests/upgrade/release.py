"""The first release, from this repository's history: its modules, zips and operator's command line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, NamedTuple

from local_cloud.stack import REGION, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST_RELEASE = "4360d5e754cad69a57e951c2fada0575e7b08abc"
"""The commit of version 0.3.0."""

_MISSING = f"""\
This clone does not reach back to the first release, {FIRST_RELEASE[:7]}, from which upgrades are tested.
Fetch the history: git fetch --unshallow (in GitHub Actions: fetch-depth: 0 of actions/checkout)."""


class HistoryMissing(RuntimeError):
    """The clone is shallow; the message says how to fetch the history."""


class Release(NamedTuple):
    """A checkout of an earlier release, with its zips built for the local cloud."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """The manifest of its zips."""
        return self.folder / "dist" / "local" / "manifest.json"

    def module(self, path: str) -> Path:
        """Return the folder of one of its Terraform modules."""
        return self.folder / "terraform" / path

    def run_operator(self, environment: Mapping[str, str], *arguments: str) -> str:
        """Run its operator's command line with the deployer's rights; return what it prints."""
        paths = os.pathsep.join(str(self.folder / part) for part in (".", "lambdas"))
        completed = subprocess.run(
            [sys.executable, "-m", "deals_ops", *arguments],
            cwd=self.folder,
            env={**os.environ, **environment, "PYTHONPATH": paths, "AWS_REGION": REGION},
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout


def check_out(into: Path) -> Release:
    """Write the first release into a folder and build its zips. Raises HistoryMissing."""
    archived = subprocess.run(
        ["git", "archive", FIRST_RELEASE, "terraform", "lambdas", "deals_ops", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archived.returncode:
        raise HistoryMissing(_MISSING)
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        archive.extractall(into, filter="data")

    release = Release(into)
    build = [sys.executable, str(into / "lambdas" / "build.py"), "--target", "local"]
    subprocess.run([*build, "--output", str(release.manifest.parent)], check=True, stdout=subprocess.DEVNULL)
    return release
