"""What licences the packages have that ship, and which are allowed.

Shipped are the packages of the functions' locks, those that the Python client asks for, and those whose code
is in the console's script. What only builds or tests is not: nobody receives it.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "clients" / "console"
LAMBDA = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "extra": ""}
"""What the zips are built for, as markers name it."""

# They ask for a notice and no more: whoever deploys or embeds this may keep their own code to themselves.
ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unlicense"}
)

# Texts of packages from before PEP 639, whose metadata has no SPDX expression.
_OLD_NAMES = {
    "Apache License 2.0": "Apache-2.0",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil, by its LICENSE
}


def is_allowed(expression: str) -> bool:
    """Return whether an SPDX expression grants what is allowed; raises ValueError if it is none."""
    known = canonicalize_license_expression(expression)
    if "(" in known or " WITH " in known:
        raise ValueError(f"{expression}: read it, and compare it by hand")
    return any(all(part in ALLOWED for part in choice.split(" AND ")) for choice in known.split(" OR "))


def of_distribution(name: str) -> str:
    """Return the SPDX expression of an installed distribution; raises PackageNotFoundError, ValueError."""
    about = metadata.metadata(name)
    text = about.get("License-Expression") or about.get("License") or ""
    return str(canonicalize_license_expression(_OLD_NAMES.get(text, text)))


def functions_packages(root: Path = ROOT) -> dict[str, str]:
    """Return the packages in the functions' zips: name and version."""
    pins: dict[str, str] = {}
    for lock in sorted(root.glob("lambdas/*/requirements.txt")):
        for line in re.findall(r"^[A-Za-z0-9][^\\\n]*", lock.read_text("utf-8"), re.MULTILINE):
            if ships(line):
                pin = Requirement(line)
                pins[pin.name.lower()] = str(pin.specifier).removeprefix("==")
    return pins


def ships(requirement: str) -> bool:
    """Return whether the marker of a lock's line, if it has one, fits what the zips are built for."""
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate(LAMBDA)


def clients_packages(root: Path = ROOT) -> set[str]:
    """Return what `pip install deals-client[publisher]` brings, as far as it is installed here."""
    project = tomllib.loads((root / "clients/python/pyproject.toml").read_text("utf-8"))["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    waiting, found = [*project["dependencies"], *extras], set()
    while waiting:
        needed = Requirement(waiting.pop())
        if needed.name not in found and (needed.marker is None or needed.marker.evaluate(LAMBDA)):
            found.add(needed.name)
            waiting += metadata.requires(needed.name) or []
    return found


def console_packages(folder: Path = CONSOLE) -> dict[str, str]:
    """Return the npm packages whose code is in the console's script, with their licences by its lock."""
    locked = json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]
    imported = {
        name
        for path in sorted((folder / "src").rglob("*.ts*"))
        for name in re.findall(r"from \"((?:@[^/\"]+/)?[^./\"][^/\"]*)", path.read_text("utf-8"))
    }
    waiting, found = [name for name in imported if f"node_modules/{name}" in locked], {}
    while waiting:
        name = waiting.pop()
        entry = locked[f"node_modules/{name}"]
        found[name] = entry["license"]
        waiting += [one for one in entry.get("dependencies", {}) if one not in found]
    return found
