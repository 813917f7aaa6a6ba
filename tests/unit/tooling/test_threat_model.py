"""docs/threat_model.md: every threat has a test, and every test that it names exists."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.unit.tooling.test_contributing import ROOT, list_tracked

PAGE = (ROOT / "docs" / "threat_model.md").read_text("utf-8")
COMPONENTS = [part for part in PAGE.split("\n## ")[1:] if not part.startswith("What is not held")]
_ROW = re.compile(r"^\| ([STRIDE]) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_DEFINED = re.compile(r'^ *(?:async )?def (test_\w+)|^run "(\w+)"|^test\("([^"]+)"', re.MULTILINE)


@cache
def defined_tests() -> set[str]:
    files = [
        name
        for name in list_tracked()
        if re.search(r"(?:^|/)tests?/.*(?:test_\w+\.py|\.tftest\.hcl|\.test\.ts)$", name)
    ]
    found = (_DEFINED.findall((ROOT / name).read_text("utf-8")) for name in files)
    return {python or terraform or javascript for names in found for python, terraform, javascript in names}


@pytest.mark.parametrize("component", COMPONENTS, ids=[part.partition("\n")[0] for part in COMPONENTS])
def test_component_has_threats_and_each_names_tests_that_exist(component):
    rows = _ROW.findall(component)
    assert len(rows) >= 5
    assert len(rows) == len(re.findall(r"^\| [A-Z] \|", component, re.MULTILINE))
    for _, threat, _, named in rows:
        tests = re.findall(r"`([^`]+)`", named)
        assert tests, threat
        assert set(tests) <= defined_tests(), set(tests) - defined_tests()


def test_components_together_cover_every_kind_of_threat():
    assert {kind for kind, *_ in _ROW.findall(PAGE)} == set("STRIDE")
    assert len(COMPONENTS) == 8


def test_tests_that_the_text_names_exist_too():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named <= defined_tests(), named - defined_tests()
