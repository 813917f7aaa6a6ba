"""What a release brings: its list of components, and the workflows that make it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from builder.functions import discover

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_components_are_the_functions_and_what_their_locks_pin() -> None:
    listed = subprocess.run(
        [sys.executable, ".ci/sbom.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    bom = json.loads(listed.stdout)
    functions = discover(ROOT / "lambdas")
    expected = {f"{function.name}@{function.version}" for function in functions}
    assert {part["bom-ref"] for part in bom["components"] if part["type"] == "application"} == expected

    pinned = {
        f"pkg:pypi/{name.lower()}@{version}"
        for function in functions
        for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", function.lock.read_text(), re.MULTILINE)
        if name != "async-timeout"  # for Python before 3.11.3 alone
    }
    libraries = [part for part in bom["components"] if part["type"] == "library"]
    assert {part["purl"] for part in libraries} == pinned
    assert all(re.fullmatch(r"[0-9a-f]{64}", p["value"]) for part in libraries for p in part["properties"])
    assert all(part["properties"] for part in libraries)

    licences = {part["name"]: part["licenses"] for part in libraries}
    assert licences["cryptography"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]
    assert licences["hiredis"] == [{"license": {"id": "MIT"}}]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_pins_actions_and_gives_rights_job_by_job(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    assert [
        use for use in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)
    ] == []

    parsed = yaml.safe_load(text)
    assert parsed["permissions"] == {}
    for name, job in parsed["jobs"].items():
        assert job["permissions"], name
        assert job["timeout-minutes"] <= 60, name
