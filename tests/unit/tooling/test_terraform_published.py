"""Git sources of this repository are served from the working tree, under the tag that they name."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from terraform.tooling import published
from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import ROOT

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://github.com/OWNER/REPO.git"
MODULE = """
module "deals" {
  source = "git::https://github.com/OWNER/REPO.git//terraform/stacks/deals-websocket?ref=v9.8.7"
}

module "beside" {
  source = "../tables"
}
"""


def test_only_sources_by_git_and_tag_are_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(MODULE)
    assert published.find_sources(tmp_path) == {(URL, "v9.8.7")}


def test_a_clone_of_the_url_at_the_tag_is_the_working_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as in a hook of git's
    environment = published.publish({(URL, "v9.8.7")}, tmp_path / "published.git")
    monkeypatch.delenv("GIT_DIR")

    clone = ["git", "clone", "--quiet", "--branch", "v9.8.7", URL, str(tmp_path / "clone")]
    subprocess.run(clone, check=True, capture_output=True, env={**os.environ, **environment})

    for name in ("terraform/tooling/published.py", "lambdas/fetch_packages.py"):
        assert (tmp_path / "clone" / name).read_bytes() == (ROOT / name).read_bytes()


def test_what_git_says_is_the_error(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="not a valid tag name"):
        published.publish({(URL, "no tag")}, tmp_path / "published.git")
