"""Every input that takes an id or an ARN is planned with one that no plan knows.

`tests/made_together` of each module and of the stack plans; here it is compared with the variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from terraform.toolchain import suite

NAMED = re.compile(r"^(\w*_)?(arns?|ids?|bucket)$")
DESCRIBED = re.compile(r"\bARNs?\b|\b[Ii]ds? of\b|event buses")
VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
ATTRIBUTE = re.compile(r"\b(\w+)\s*=\s*(?:optional\()?(?:string|list|set|map)\b")
FOLDERS = [
    folder
    for folder in suite.folders()
    if folder.parent.name in ("modules", "stacks") and any(folder.glob("variables*.tf"))
]


def find_inputs(folder: Path) -> Iterator[str]:
    """The variables, or the attributes of their types, that take an id, an ARN or a bucket."""
    for file in folder.glob("variables*.tf"):
        for name, body in VARIABLE.findall(file.read_text()):
            declared, _, _ = body.partition("validation {")
            kind = declared.split("type ", 1)[1]
            attributes = [attribute for attribute in ATTRIBUTE.findall(kind) if NAMED.match(attribute)]
            if "object(" in kind:
                yield from attributes
            elif "string" in kind and (NAMED.match(name) or DESCRIBED.search(declared)):
                yield name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_id_or_arn_is_missing_where_all_are_made_in_the_same_configuration(folder: Path) -> None:
    planned = (folder / "tests" / "made_together" / "main.tf").read_text()
    inputs = set(find_inputs(folder)) - OTHERS.get(folder.name, set())
    assert inputs, "no input takes an id or an ARN"
    missing = {name for name in inputs if not re.search(rf"\b{name}\s*=[^\n]*\bterraform_data\.", planned)}
    assert not missing, f"{missing}: plan them in {folder / 'tests' / 'made_together'}"


# Names that look like ids, but are chosen by the caller.
OTHERS = {"cache": {"name", "user_id"}}
