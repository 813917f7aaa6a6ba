"""Runs the modules' own tests, so that pytest reports them with all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from terraform.toolchain import Session, suite

FILES = [file for folder in suite.folders_with_tests() for file in sorted(folder.glob("tests/*.tftest.hcl"))]

# Roots that only set a stack's variables: all are validated, and the e2e tests apply one of them.
UNTESTED = {"environments"}


def _name(path: Path) -> str:
    return path.relative_to(suite.TERRAFORM).as_posix().replace("/tests/", "/").removesuffix(".tftest.hcl")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", FILES, ids=_name)
def test_module_passes_its_own_tests(initialised: Callable[[Path], Session], file: Path) -> None:
    folder = file.parents[1]
    result = suite.run_tests(initialised(folder), folder, file)
    assert result.passed, result.output
    assert " 0 passed" not in f" {result.detail}"


def test_modules_stacks_and_examples_have_tests() -> None:
    expected = {folder for folder in suite.folders() if _name(folder).split("/")[0] not in UNTESTED}
    assert expected, f"no module found under {suite.TERRAFORM}"
    assert not sorted(map(_name, expected - set(suite.folders_with_tests())))
