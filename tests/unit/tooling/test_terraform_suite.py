"""Checks and tests of all folders, with a script for Terraform that prints its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from terraform.tooling import suite
from terraform.tooling.binary import Tool
from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import Session

FAKE_TERRAFORM = """
case "$*" in
  *broken*validate*) echo "Error: Unsupported argument"; exit 1 ;;
  *unknown*init*) echo "Error: no such provider"; exit 1 ;;
  *" test -no-color -filter=tests/plan.tftest.hcl") echo "Success! 3 passed, 0 failed, 1 skipped." ;;
  *"-filter=tests/staging.tftest.hcl -var-file=staging.tfvars") echo "Success! 2 passed, 0 failed." ;;
esac
env | grep -E '^(AWS_|CHECKPOINT)' | sort
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "terraform"
    for name in (
        "modules/queue/main.tf",
        "modules/queue/tests/plan.tftest.hcl",
        "modules/queue/tests/setup/main.tf",
        "modules/queue/.terraform/modules/other/main.tf",
        "modules/broken/main.tf",
        "examples/unknown/main.tf",
        "environments/staging.tfvars",
    ):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).touch()
    return base


@pytest.fixture
def session(program, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.delenv("TF_PLUGIN_DIR", raising=False)
    return Session(Tool(program("terraform", FAKE_TERRAFORM), "Terraform", (1, 11, 4)))


def test_folders_exclude_test_setups_and_downloaded_modules(base: Path) -> None:
    names = [folder.relative_to(base).as_posix() for folder in suite.folders(base)]
    assert names == ["examples/unknown", "modules/broken", "modules/queue"]
    assert suite.folders_with_tests(base) == [base / "modules" / "queue"]


def test_run_all_reports_every_folder_and_the_reason_of_a_failure(
    base: Path, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    results = suite.run_all(session, suite.validate, suite.folders(base))
    assert [(result.folder.name, result.passed, result.detail) for result in results] == [
        ("unknown", False, "init failed"),
        ("broken", False, "validate failed"),
        ("queue", True, "valid"),
    ]
    printed = capsys.readouterr().out
    assert "Error: no such provider" in printed
    assert "Error: Unsupported argument" in printed
    assert sum(line.startswith("ok ") for line in printed.splitlines()) == 1


def test_run_tests_reports_the_counts(base: Path, session: Session) -> None:
    result = suite.run_tests(session, base / "modules" / "queue")
    assert (result.passed, result.detail) == (True, "3 passed, 0 failed, 1 skipped")


def test_run_tests_passes_the_variables_file_named_like_the_test(base: Path, session: Session) -> None:
    folder = base / "modules" / "queue"
    (folder / "staging.tfvars").touch()
    (folder / "tests" / "staging.tftest.hcl").touch()
    assert suite.run_tests(session, folder).detail == ("2 passed, 0 failed; 3 passed, 0 failed, 1 skipped")
    assert suite.run_tests(session, folder, folder / "tests" / "plan.tftest.hcl").detail.startswith(
        "3 passed"
    )


def test_run_tests_passes_no_credentials(
    base: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-REAL")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert suite.run_tests(session, base / "modules" / "queue").output.splitlines()[1:] == [
        "AWS_CONFIG_FILE=/dev/null",
        "AWS_EC2_METADATA_DISABLED=true",
        "AWS_REGION=us-east-1",
        "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
        "CHECKPOINT_DISABLE=1",
    ]


def test_run_all_without_folders_raises(session: Session) -> None:
    with pytest.raises(ToolchainError, match="No Terraform folder"):
        suite.run_all(session, suite.validate, [])
