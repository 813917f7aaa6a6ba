"""What docs/adopt.md has a consumer without a checkout write: a root that takes the stack by Git."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from terraform.toolchain import Session, suite
from terraform.tooling.session import ROOT

REMOTE = "git::https://github.com/OWNER/REPO.git//"
TEST = """
mock_provider "aws" {{
  source = "{mocks}"
}}

run "plans" {{
  command = plan

  variables {{
    jwt_secret = "a-secret-of-at-least-thirty-two-bytes"
  }}
}}
"""


@pytest.mark.timeout(300)
def test_root_of_the_documentation_takes_the_stack_by_git_and_plans(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "adopt.md").read_text("utf-8")
    (block,) = re.findall(r"```hcl\n(.*?)```", page, re.DOTALL)
    assert REMOTE in block
    (tmp_path / "main.tf").write_text(block)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "plan.tftest.hcl").write_text(TEST.format(mocks=suite.TERRAFORM / "mocks"))
    fixtures = suite.TERRAFORM / "stacks" / "deals-websocket" / "tests" / "fixtures"
    (tmp_path / "dist").mkdir()
    for name in ("manifest.json", "package.zip"):
        (tmp_path / "dist" / name).write_bytes((fixtures / name).read_bytes())

    session = Session.start_for_tests().with_variables(TF_DATA_DIR=str(tmp_path / ".terraform"))
    initialised = suite.initialise(session, tmp_path)
    assert initialised.passed, initialised.output
    result = suite.run_tests(session, tmp_path, tmp_path / "tests" / "plan.tftest.hcl")
    assert result.passed, result.output
    assert (tmp_path / ".terraform" / "modules" / "deals" / "lambdas" / "fetch_packages.py").exists()
