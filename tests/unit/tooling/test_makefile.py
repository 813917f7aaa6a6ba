"""What `make` says of itself, and of a machine that lacks something."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not on PATH")


def _make(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    environment["PATH"] = path or environment["PATH"]
    make = shutil.which("make")
    assert make
    return subprocess.run(
        [make, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_make_without_a_target_prints_every_target_with_a_word_on_it() -> None:
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    printed = dict(re.findall(r"^make ([a-z-]+) +(.+)$", _make().stdout, re.MULTILINE))
    assert sorted(printed) == sorted(set(phony) - {"package-local"})
    assert {"setup", "lint", "test", "test-local", "local-up", "local-down", "env", "demo"} <= set(printed)


def test_make_names_a_python_that_is_too_old_and_how_to_get_one(program) -> None:
    refused = _make(f"PYTHON={program('python3', 'exit 1')}", "test-unit")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "Python 3.11 or newer is missing (PYTHON=" in refused.stderr
    assert "apt install python3" in refused.stderr


def test_make_names_everything_that_is_missing_at_once(program, tmp_path: Path) -> None:
    program("bash", f'exec {shutil.which("bash")} "$@"')
    refused = _make("test-unit", path=str(tmp_path / "bin"))
    assert refused.returncode == 2
    assert "Python 3.11 or newer is missing" in refused.stderr
    assert "git is missing" in refused.stderr


def test_make_passes_over_an_interpreter_that_does_not_run(program, tmp_path: Path) -> None:
    program("python3.13", "echo 'no such version' >&2; exit 127")
    program("python3.12", f'exec {sys.executable} "$@"')
    planned = _make(
        "-n", "-W", "tests/requirements.txt", "setup", path=f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    )
    assert planned.returncode == 0, planned.stderr
    assert "python3.12 -m venv" in planned.stdout
    assert "python3.13" not in planned.stdout


def test_make_env_without_an_applied_local_cloud_names_the_remedy(tmp_path: Path) -> None:
    refused = _make("env", f"UP={tmp_path}")
    assert refused.returncode == 2
    assert "make local-up" in refused.stderr


def test_make_env_of_an_environment_that_was_not_applied_says_so() -> None:
    refused = _make("env", "ENVIRONMENT=production")
    assert refused.returncode == 2
    assert "terraform/environments/aws" in refused.stderr
    assert "init" in refused.stderr


def test_make_env_of_an_unknown_environment_names_the_file_that_is_missing() -> None:
    refused = _make("env", "ENVIRONMENT=nowhere")
    assert refused.returncode == 2
    assert "no terraform/environments/aws/nowhere.tfvars" in refused.stderr


def test_make_test_runs_pytest_last() -> None:
    planned = _make("-n", "test").stdout.splitlines()
    assert re.search(r"-m pytest tests/unit .*tests/terraform", planned[-1])
    assert any("ruff check" in line for line in planned[:-1])
    assert any("lambdas/build.py --target local" in line for line in planned[:-1])
