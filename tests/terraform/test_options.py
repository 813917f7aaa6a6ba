"""Options are variables of their own: Terraform drops what an object's type does not have (docs/adr/0035)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from terraform.toolchain import suite

PUBLIC = [folder for folder in suite.folders() if folder.relative_to(suite.TERRAFORM).parts[0] != "modules"]


@pytest.mark.parametrize("folder", PUBLIC, ids=lambda folder: folder.name)
def test_no_object_has_an_attribute_that_a_typo_would_leave_out(folder: Path) -> None:
    optional = [
        f"{file.name}: {line.strip()}"
        for file in folder.glob("*.tf")
        for line in file.read_text().splitlines()
        if re.search(r"=\s*optional\(", line) or re.search(r"^\s*type\s*=\s*any\b", line)
    ]
    assert not optional
