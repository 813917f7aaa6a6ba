"""Prints a CycloneDX list of what the functions' zips hold: the functions, and what their locks pin.

Each package has its licence as this environment's metadata says, which has the same locked versions.
Run it from the root of the repository: .venv/bin/python .ci/sbom.py > dist/sbom.cdx.json
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import licences

LAMBDAS = Path(__file__).resolve().parent.parent / "lambdas"
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)[^\\\n]*", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def build_bom(root: Path = LAMBDAS) -> dict[str, Any]:
    """Return the list of components of the functions under `root`; a package of several functions is one."""
    functions, packages, dependencies = [], {}, []
    for handler in sorted(root.glob("*/handler.py")):
        project = tomllib.loads((handler.parent / "pyproject.toml").read_text("utf-8"))["project"]
        reference = f"{project['name']}@{project['version']}"
        pins = _read_lock(handler.with_name("requirements.txt"))

        functions.append(
            {
                "type": "application",
                "bom-ref": reference,
                "name": project["name"],
                "version": project["version"],
            }
        )
        packages.update({package["purl"]: package for package in pins})
        dependencies.append({"ref": reference, "dependsOn": sorted(package["purl"] for package in pins)})

    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [*functions, *(packages[purl] for purl in sorted(packages))],
        "dependencies": dependencies,
    }


def _read_lock(lock: Path) -> list[dict[str, Any]]:
    """Return the packages of a lock that ship; of their hashes any one may be that of the file in the zip."""
    text = lock.read_text("utf-8")
    pins = list(_PIN.finditer(text))
    ends = [*(pin.start() for pin in pins[1:]), len(text)][: len(pins)]
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{pin[1].lower()}@{pin[2]}",
            "purl": f"pkg:pypi/{pin[1].lower()}@{pin[2]}",
            "name": pin[1],
            "version": pin[2],
            "licenses": _licence(pin[1]),
            "properties": [
                {"name": "lock:sha256", "value": digest} for digest in _HASH.findall(text, pin.end(), end)
            ],
        }
        for pin, end in zip(pins, ends, strict=True)
        if licences.ships(pin[0])
    ]


def _licence(name: str) -> list[dict[str, Any]]:
    """Return a package's licence; nothing for one that its marker leaves out of this environment."""
    try:
        expression = licences.of_distribution(name)
    except PackageNotFoundError:
        return []
    single = " " not in expression
    return [{"license": {"id": expression}} if single else {"expression": expression}]


if __name__ == "__main__":
    json.dump(build_bom(), sys.stdout, indent=2)
    sys.stdout.write("\n")
