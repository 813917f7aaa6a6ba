"""What ships has licences that ask for a notice and no more, and the notices ship with it."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / ".ci"))

import licences  # noqa: E402

SHIPPED = sorted({*licences.functions_packages(), *licences.clients_packages()})


def test_packages_that_ship_are_known() -> None:
    assert {"cryptography", "pyjwt", "hiredis", "redis"} <= licences.functions_packages().keys()
    assert "async-timeout" not in licences.functions_packages(), "its marker leaves Lambda's Python out"
    assert {"websockets", "boto3", "botocore", "urllib3", "redis"} <= licences.clients_packages()


@pytest.mark.parametrize("name", SHIPPED)
def test_python_package_that_ships_has_an_allowed_licence(name: str) -> None:
    expression = licences.of_distribution(name)
    assert licences.is_allowed(expression), f"{name} is {expression}"


def test_licences_are_read_of_the_versions_that_ship() -> None:
    installed = {name: metadata.version(name) for name in licences.functions_packages()}
    assert installed == licences.functions_packages()


def test_packages_in_the_consoles_script_have_an_allowed_licence() -> None:
    found = licences.console_packages()
    assert {"preact", "@preact/signals", "@preact/signals-core"} == {*found}
    assert [name for name, expression in found.items() if not licences.is_allowed(expression)] == []


def test_console_ships_the_notices_of_the_packages_in_its_script() -> None:
    notices = (ROOT / "clients/console/dist/licences.txt").read_text("utf-8")
    for name in licences.console_packages():
        assert re.search(rf"^{name}\n\nThe MIT License", notices, re.MULTILINE), name
        installed = ROOT / "clients/console/node_modules" / name / "LICENSE"
        if installed.exists():
            assert installed.read_text("utf-8") in notices, name


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND MPL-2.0", False),
        ("MIT AND ISC", True),
        ("AGPL-3.0-or-later", False),
    ],
)
def test_of_a_choice_of_licences_one_must_be_allowed_and_of_several_all(expression, allowed) -> None:
    assert licences.is_allowed(expression) is allowed


@pytest.mark.parametrize(
    "expression", ["Proprietary", "", "(MIT OR ISC) AND MIT", "MIT WITH Bison-exception-2.2"]
)
def test_a_licence_that_cannot_be_compared_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        licences.is_allowed(expression)
