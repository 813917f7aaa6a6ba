"""docs/asyncapi.yaml by the reference parser of AsyncAPI."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tests" / "tools" / "asyncapi"
NODE, NPM = shutil.which("node"), shutil.which("npm")


@pytest.fixture(scope="module")
def tool() -> Path:
    """The parser, installed from its lock into `.tools`."""
    if not NODE or not NPM:
        pytest.skip("the parser of AsyncAPI runs on Node.js: install node and npm")
    lock = (TOOL / "package-lock.json").read_bytes()
    folder = ROOT / ".tools" / f"asyncapi-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (folder / "ready").exists():
        shutil.copytree(TOOL, folder, dirs_exist_ok=True)
        subprocess.run([NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
        (folder / "ready").touch()
    return folder


def validate(tool: Path, page: Path) -> subprocess.CompletedProcess[str]:
    assert NODE
    return subprocess.run([NODE, tool / "validate.mjs", page], capture_output=True, text=True, check=False)


def test_document_is_valid(tool: Path) -> None:
    result = validate(tool, ROOT / "docs" / "asyncapi.yaml")
    assert (result.returncode, result.stderr) == (0, "")


def test_broken_document_is_not(tool: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "asyncapi.yaml").read_text("utf-8")
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(text.replace("#/components/messages/error", "#/components/messages/absent", 1))
    assert validate(tool, broken).returncode == 1
