"""docs/bounds.md has a row for whatever grows, and every test that it names exists."""

from __future__ import annotations

import re

import pytest

from tests.stored_items import list_kinds
from tests.unit.tooling.test_contributing import ROOT, list_tracked
from tests.unit.tooling.test_threat_model import defined_tests

PAGE = (ROOT / "docs" / "bounds.md").read_text("utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
_CLIENT_TESTS = re.compile(r"\bclients/[a-z]+/tests/.*\.test\.ts$")
_CONTAINER = re.compile(
    r"(?<!, )self\.(\w+)(?:: [^=\n]+)? = "
    r"(?:(?:OrderedDict|deque|defaultdict|set|dict|asyncio\.Queue)\b|[\[{])"
    r"|^(\w+): (?:list|dict|set)\[[^\n]* = (?:\[\]|\{\}|set\(\))$"
    r"|^@(?:lru_cache|cache)\b[^\n]*\n(?:async )?def (\w+)",
    re.MULTILINE,
)
NEVER_CHANGED = {
    ("realtime_core/schema.py", "stamp"),
    ("broadcast/filter_index.py", "_NONE"),
    ("broadcast/filter_buckets.py", "_NONE"),
}


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def named_tests(text: str) -> set[str]:
    """Names in a cell of tests."""
    return set(re.findall(r"`([^`]+)`", text))


def client_tests() -> str:
    files = [name for name in list_tracked() if _CLIENT_TESTS.search(name)]
    return "\n".join((ROOT / name).read_text("utf-8") for name in files)


@pytest.mark.parametrize("section", [name for name in SECTIONS if not name.startswith("Operators")])
def test_each_row_names_tests_that_exist(section):
    titles = client_tests()
    assert len(rows(section)) >= 4
    for row in rows(section):
        named = named_tests(row[-1])
        assert named, row[0]
        missing = {
            name
            for name in named
            if name not in defined_tests()
            and not (ROOT / "clients/conformance/scenarios" / name).is_file()
            and f'("{name}' not in titles
        }
        assert missing == set()


def test_tests_that_the_text_names_exist_too():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named <= defined_tests(), named - defined_tests()


def test_every_kind_of_stored_item_has_a_row():
    documented = [row[0] for row in rows("Tables")]
    assert sorted(documented) == sorted(kind.name for kind in list_kinds())


def test_every_queue_has_a_row():
    text = (ROOT / "terraform/modules/fan-out/main.tf").read_text("utf-8")
    declared = set(re.findall(r"^      ([a-z-]+) += \{ arn = (?:try\()?local\.queues", text, re.MULTILINE))
    assert len(declared) == 6
    assert {name for row in rows("Queues") for name in named_tests(row[0])} == declared


def test_every_log_group_has_a_row():
    declared = {
        (name.split("/")[2], resource)
        for name in list_tracked()
        if re.fullmatch(r"terraform/modules/[a-z-]+/\w+\.tf", name)
        for resource in re.findall(
            r'^resource "aws_cloudwatch_log_group" "(\w+)"', (ROOT / name).read_text("utf-8"), re.MULTILINE
        )
    }
    assert len(declared) == 6
    documented = set()
    for row in rows("Logs"):
        module, *resources = re.findall(r"`([^`]+)`", row[0])
        documented |= {(module.removeprefix("modules/"), resource) for resource in resources}
    assert documented == declared


def test_every_key_of_redis_has_a_row():
    declared = set()
    for name in list_tracked():
        if name.startswith("lambdas/") and name.endswith(".py"):
            text = (ROOT / name).read_text("utf-8")
            declared |= set(re.findall(r'^[A-Z_]+ = "(deals:[\w:]+)"', text, re.MULTILINE))
    assert len(declared) >= 13
    documented = {name for row in rows("Redis") for name in named_tests(row[0])}
    assert documented == declared - {"deals:"}


def containers() -> set[tuple[str, str]]:
    """What the functions' code remembers things in: file below lambdas/, and name."""
    found = set()
    for name in list_tracked():
        path = name.removeprefix("lambdas/")
        if (
            path == name
            or not name.endswith(".py")
            or path.startswith(("build", "fetch"))
            or path.endswith("memory.py")
        ):
            continue
        for names in _CONTAINER.findall((ROOT / name).read_text("utf-8")):
            found.add((path, next(filter(None, names))))
    return found - NEVER_CHANGED


def test_whatever_the_functions_remember_has_a_row():
    documented = set()
    for place in re.finditer(r"`([\w/]+\.py)`((?:,? `\w+`)+)", SECTIONS["Memory between invocations"]):
        documented |= {(place[1], name) for name in re.findall(r"`(\w+)`", place[2])}
    assert len(containers()) > 50
    assert containers() - documented == set(), "not in docs/bounds.md"
    assert documented - containers() == set(), "not in the code"
