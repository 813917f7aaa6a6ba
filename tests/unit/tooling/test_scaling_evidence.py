"""docs/scaling.md names the tests and benches that show its promises: they must be there."""

import re
from pathlib import Path

import pytest

from tests.bench.__main__ import find_benches

ROOT = Path(__file__).resolve().parents[3]
_, _, TABLE = (ROOT / "docs" / "scaling.md").read_text().partition("## What shows it")
NAMED = sorted(set(re.findall(r"`((?:tests/[\w/]+/)?test_\w+(?:\.py)?)`", TABLE)))


@pytest.mark.parametrize("name", NAMED)
def test_named_test_exists(name):
    folders = ROOT / "tests"
    if "/" in name:
        assert (ROOT / name).is_file()
    elif name.endswith(".py"):
        assert list(folders.rglob(name))
    else:
        assert any(f"def {name}(" in file.read_text() for file in folders.rglob("test_*.py"))


def test_named_benches_exist():
    rows = [line.split("|")[2] for line in TABLE.splitlines() if line.startswith("| ") and "bench" in line]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row) if not name.startswith("test_")}
    assert NAMED
    assert named - {"pacing_simulation"} <= find_benches().keys()
    assert {"hostile_filters", "janitor", "large_audiences"} <= named
