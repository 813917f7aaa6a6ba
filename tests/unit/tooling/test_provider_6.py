"""The table of terraform/README.md has a word on every resource that is used, so none was left unread."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

from terraform.toolchain import suite

README = Path(suite.TERRAFORM) / "README.md"
DECLARED = re.compile(r'^(?:resource|data) "(aws_\w+)"', re.MULTILINE)


def read_names() -> set[str]:
    """The names in the first column, which may be patterns."""
    rows = re.findall(r"^\| (`(?:data\.)?aws_.*?) \|", README.read_text(), re.MULTILINE)
    return {name.removeprefix("data.") for row in rows for name in re.findall(r"`([\w.*]+)`", row)}


def read_used() -> set[str]:
    files = [file for folder in suite.folders() for file in folder.glob("*.tf")]
    return {name for file in files for name in DECLARED.findall(file.read_text())}


def test_table_of_provider_6_has_every_resource_that_is_used_and_no_other():
    named, used = read_names(), read_used()
    assert len(used) > 50
    assert {name for name in used if not any(fnmatchcase(name, pattern) for pattern in named)} == set()
    assert {
        pattern
        for pattern in named
        if pattern.startswith("aws_") and not any(fnmatchcase(name, pattern) for name in used)
    } == set()
