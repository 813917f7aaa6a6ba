"""Terraform for the tests of this folder, which may run in several pytest processes at once.

Each process has its own data directories and its own provider, and initialises a folder once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terraform.toolchain import Session, suite
from terraform.tooling.provider import SharedProviders


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Session]]:
    """Initialises a folder and returns the session for commands in it."""
    base = Session.start_for_tests()
    data = tmp_path_factory.mktemp("terraform-data")
    sessions: dict[Path, Session] = {}

    with SharedProviders() as providers:

        def initialise(folder: Path) -> Session:
            if folder not in sessions:
                name = folder.relative_to(suite.TERRAFORM).as_posix().replace("/", "-")
                session = base.with_variables(TF_DATA_DIR=str(data / name))
                result = suite.initialise(session, folder)
                assert result.passed, result.output
                sessions[folder] = providers.attach(session, folder)
            return sessions[folder]

        yield initialise
