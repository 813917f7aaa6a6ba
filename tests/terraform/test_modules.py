"""Runs the modules' own tests, so that pytest reports them with all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from terraform.toolchain import Session, suite

FILES = [file for folder in suite.folders_with_tests() for file in sorted(folder.glob("tests/*.tftest.hcl"))]


def _name(path: Path) -> str:
    return path.relative_to(suite.TERRAFORM).as_posix().replace("/tests/", "/").removesuffix(".tftest.hcl")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", FILES, ids=_name)
def test_module_passes_its_own_tests(initialised: Callable[[Path], Session], file: Path) -> None:
    folder = file.parents[1]
    result = suite.run_tests(initialised(folder), folder, file)
    assert result.passed, result.output
    assert " 0 passed" not in f" {result.detail}"


def test_every_folder_has_tests() -> None:
    """`make test` does not validate apart: `terraform test` validates a folder before its first run."""
    expected = set(suite.folders())
    assert expected, f"no module found under {suite.TERRAFORM}"
    assert not sorted(map(_name, expected - set(suite.folders_with_tests())))
