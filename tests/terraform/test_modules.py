"""Every module's own tests, so that they count in the same summary as all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from terraform.toolchain import Session, suite

PLAN_ONLY = {
    "environments"
}  # roots that only set a stack's variables; validated, and applied by the e2e tests


@pytest.fixture(scope="session")
def session() -> Session:
    return Session.start()


def _name(folder: Path) -> str:
    return folder.relative_to(suite.TERRAFORM).as_posix()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("folder", suite.folders_with_tests(), ids=_name)
def test_module_keeps_what_its_tests_promise(session: Session, folder: Path) -> None:
    for step in (suite.initialise, suite.run_tests):
        result = step(session, folder)
        assert result.passed, result.output


def test_every_module_stack_and_example_has_tests() -> None:
    expected = {folder for folder in suite.folders() if _name(folder).split("/")[0] not in PLAN_ONLY}
    assert expected, f"no module found under {suite.TERRAFORM}"
    assert not sorted(map(_name, expected - set(suite.folders_with_tests())))
