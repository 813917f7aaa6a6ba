"""Serves `git::` sources of this repository from the working tree, as a release of it would be fetched.

A folder that takes modules by a Git URL and a tag is then validated and tested as it stands, without a
remote: git itself leads the URL to a repository that holds the working tree under that tag.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import ROOT

_SOURCE = re.compile(r'^\s*source\s*=\s*"git::(https://[^"]+?\.git)//[^"?]*\?ref=([^"&]+)"', re.MULTILINE)

# Neither names, hooks nor signatures of the user who runs this.
_IDENTITY = {
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@localhost",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def find_sources(folder: Path) -> set[tuple[str, str]]:
    """Return the URLs and tags that the folder's modules are taken from."""
    return {source for file in folder.glob("*.tf") for source in _SOURCE.findall(file.read_text("utf-8"))}


def publish(sources: set[tuple[str, str]], into: Path) -> Mapping[str, str]:
    """Write the working tree into a repository at `into`; return the environment that leads `sources` to it.

    Raises ToolchainError where git fails.
    """
    shutil.rmtree(into, ignore_errors=True)
    git = ("git", f"--git-dir={into}", f"--work-tree={ROOT}")
    _run("git", "init", "--quiet", "--bare", str(into))
    _run(*git, "add", "--", "terraform", "lambdas/fetch_packages.py")
    _run(*git, "commit", "--quiet", "--message", "The working tree")
    for _, tag in sorted(sources):
        _run(*git, "tag", "--force", tag)

    urls = sorted({url for url, _ in sources})
    settings = {
        f"GIT_CONFIG_{part}_{index}": value
        for index, url in enumerate(urls)
        for part, value in (("KEY", f"url.file://{into}.insteadOf"), ("VALUE", url))
    }
    return {**settings, "GIT_CONFIG_COUNT": str(len(urls))}


def _run(*words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    completed = subprocess.run(
        words, cwd=ROOT, env={**environment, **_IDENTITY}, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise ToolchainError(f"`{' '.join(words)}` failed: {completed.stderr.strip()}")
