"""What `make` prints about itself and about missing tools."""

from __future__ import annotations

import os
import re
import shlex
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


def test_make_without_a_target_describes_every_target() -> None:
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    printed = dict(re.findall(r"^make ([a-z-]+) +(.+)$", _make().stdout, re.MULTILINE))
    assert sorted(printed) == sorted(set(phony) - {"package-local"})
    assert {"setup", "lint", "test", "test-local", "local-up", "local-down", "env", "demo"} <= set(printed)


def test_make_help_groups_targets_by_who_needs_them() -> None:
    groups = dict(re.findall(r"^(To [a-z ]+):\n((?:make .+\n)+)", _make("help").stdout, re.MULTILINE))
    listed = {title: re.findall(r"^make ([a-z-]+)", text, re.MULTILINE) for title, text in groups.items()}
    assert list(listed) == ["To try it", "To change it", "To operate it", "To release it"]
    assert {"demo", "doctor", "local-up"} <= set(listed["To try it"])
    assert {"test", "lint", "setup"} <= set(listed["To change it"])
    assert set(listed["To operate it"]) == {"ops", "cost"}
    assert set(listed["To release it"]) == {"package", "lock", "upgrade", "scan", "audit"}


def test_make_with_an_old_python_names_the_remedy(program) -> None:
    completed = _make(f"PYTHON={program('python3', 'exit 1')}", "test-unit")
    assert completed.returncode == 2
    assert completed.stdout == ""
    assert "Python 3.11 or newer is missing (PYTHON=" in completed.stderr
    assert "apt install python3" in completed.stderr


def test_make_names_all_missing_tools_at_once(program, tmp_path: Path) -> None:
    program("bash", f'exec {shutil.which("bash")} "$@"')
    completed = _make("test-unit", path=str(tmp_path / "bin"))
    assert completed.returncode == 2
    assert "Python 3.11 or newer is missing" in completed.stderr
    assert "git is missing" in completed.stderr


def test_make_with_an_old_node_fetches_its_own(program, tmp_path: Path) -> None:
    program("node", "exit 1")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    printed = _make("-n", "-W", "clients/javascript/node.txt", "lint-javascript", path=path).stdout
    assert "--require-hashes -r clients/javascript/node.txt" in printed
    assert printed.index("clients/javascript/node.txt") < printed.index("npm ci")


def test_make_with_a_new_node_fetches_none(program, tmp_path: Path) -> None:
    program("node", "exit 0")
    program("npm", "exit 0")
    printed = _make("-n", "lint-javascript", path=f"{tmp_path / 'bin'}:{os.environ['PATH']}").stdout
    assert "clients/javascript/node.txt" not in printed


def test_make_demo_needs_no_node(program, tmp_path: Path) -> None:
    program("node", "exit 1")
    completed = _make("-n", "demo", path=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert completed.returncode == 0, completed.stderr


def test_make_skips_an_interpreter_that_does_not_run(program, tmp_path: Path) -> None:
    program("python3.13", "echo 'no such version' >&2; exit 127")
    program("python3.12", f'exec {sys.executable} "$@"')
    printed = _make(
        "-n", "-W", "tests/requirements.txt", "setup", path=f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    )
    assert printed.returncode == 0, printed.stderr
    assert "python3.12 -m venv" in printed.stdout
    assert "python3.13" not in printed.stdout


def test_make_env_without_a_local_cloud_names_the_remedy(tmp_path: Path) -> None:
    completed = _make("env", f"UP={tmp_path}")
    assert completed.returncode == 2
    assert "make local-up" in completed.stderr


@pytest.mark.parametrize("name", ["Ä b c", "it's", 'a "b" $c'])
def test_make_env_names_the_state_in_any_folder(tmp_path: Path, name: str) -> None:
    up = tmp_path / name

    printed = _make("-n", "env", f"UP={str(up).replace('$', '$$')}").stdout

    words = shlex.split(printed.replace("\\\n", ""))
    assert f"-state={up}/terraform.tfstate" in words
    assert f"TF_DATA_DIR={up}/terraform-data" in words
    assert f"{up}/terraform.tfstate" in words


def test_make_env_of_an_unapplied_environment_names_the_remedy() -> None:
    completed = _make("env", "ENVIRONMENT=production")
    assert completed.returncode == 2
    assert "terraform/environments/aws" in completed.stderr
    assert "init" in completed.stderr


def test_make_env_of_an_unknown_environment_names_the_missing_file() -> None:
    completed = _make("env", "ENVIRONMENT=nowhere")
    assert completed.returncode == 2
    assert "no terraform/environments/aws/nowhere.tfvars" in completed.stderr


def test_make_test_runs_pytest_last() -> None:
    printed = _make("-n", "test").stdout.splitlines()
    assert re.search(r"-m pytest tests/unit .*tests/terraform", printed[-1])
    assert any("ruff check" in line for line in printed[:-1])
    assert any("lambdas/build.py --target local" in line for line in printed[:-1])


def test_make_lint_validates_terraform_and_make_test_leaves_that_to_its_tests() -> None:
    validates = re.compile(r"terraform\.toolchain validate *$", re.MULTILINE)
    assert validates.search(_make("-n", "lint").stdout)
    assert not validates.search(_make("-n", "test").stdout)
