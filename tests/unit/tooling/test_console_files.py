"""The console's committed files: small, and what its sources build."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONSOLE = ROOT / "clients" / "console"
BYTES_MAX = 45_000


def test_all_files_together_are_small() -> None:
    loaded = [
        path for path in (CONSOLE / "dist").iterdir() if path.name != "licences.txt"
    ]  # no page loads it
    assert sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in loaded) <= BYTES_MAX


def test_page_has_no_inline_script_style_or_foreign_address() -> None:
    page = (CONSOLE / "dist" / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=|data:|https?:", page) == []


def test_committed_files_are_what_the_sources_build(tmp_path: Path) -> None:
    if not (CONSOLE / "node_modules" / ".ready").exists() or shutil.which("npm") is None:
        pytest.skip("the console's build tools are not installed: `make build-console` does it")
    subprocess.run(
        ["npm", "run", "--silent", "build", "--", "--outDir", str(tmp_path), "--logLevel", "error"],
        cwd=CONSOLE,
        check=True,
    )
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in (CONSOLE / "dist").iterdir()}
    assert built.keys() == committed.keys()
    assert [name for name in built if built[name] != committed[name]] == []
