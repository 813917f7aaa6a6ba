"""What Terraform's own tests make of a folder with a mocked AWS: scanners look at it without an account."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def apply(folder: str, test: str) -> list[dict[str, Any]]:
    """Return the states that tests/TEST.tftest.hcl applies: `root_module` and `outputs` of each run."""
    return _report(folder, test, "test_state")


def plan(folder: str, test: str) -> dict[str, Any]:
    """Return the first plan of tests/TEST.tftest.hcl, as `terraform show -json PLAN` has it.

    The report of a test lists the changes of resources, but not the tree of planned values, which is made
    here from them. A value that is known only after an apply is in neither.
    """
    changes = _report(folder, test, "test_plan")[0]["resource_changes"]
    root: dict[str, Any] = {}
    for change in changes:
        if change["mode"] == "managed" and change["change"]["after"] is not None:
            resource = {key: change.get(key) for key in ("address", "mode", "type", "name", "index")}
            resources = _module(root, change.get("module_address", "")).setdefault("resources", [])
            resources.append({**resource, "values": change["change"]["after"]})
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.0",
        "planned_values": {"root_module": root},
        "resource_changes": changes,
        "configuration": {},
    }


def _module(root: dict[str, Any], address: str) -> dict[str, Any]:
    module, path = root, ""
    for part in re.findall(r"module\.[\w-]+(?:\[[^\]]*\])?", address):
        path = f"{path}.{part}".lstrip(".")
        children = module.setdefault("child_modules", [])
        found = [child for child in children if child["address"] == path]
        if not found:
            found = [{"address": path}]
            children.extend(found)
        [module] = found
    return module


def _report(folder: str, test: str, kind: str) -> list[dict[str, Any]]:
    toolchain = [ROOT / ".venv/bin/python", "-m", "terraform.toolchain"]
    initialise = [*toolchain, "init", folder, "-backend=false"]
    subprocess.run(initialise, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    options = ["-json", "-verbose", f"-filter=tests/{test}.tftest.hcl"]
    run = [*toolchain, "run", f"-chdir={folder}", "test", *options]
    completed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in completed.stdout.splitlines() if line.startswith("{")]
    return [event[kind] for event in events if event["type"] == kind]


def resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the resources of a module and of those in it, from a state or from planned values."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)
