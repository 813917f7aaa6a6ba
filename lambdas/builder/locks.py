"""Checks that a lock matches its pyproject.toml."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from builder.errors import BuildError
from builder.functions import Function

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_REMEDY = "run `make lock`"


def read_pins(lock: Path) -> dict[str, Version]:
    """Return the locked versions by normalised name."""
    return {
        canonicalize_name(name): Version(version) for name, version in _PIN.findall(lock.read_text("utf-8"))
    }


def check_lock(function: Function) -> None:
    """Raise BuildError unless the lock pins each dependency of the function in a version that it allows."""
    locked = read_pins(function.lock)
    for requirement in map(_parse_requirement, function.dependencies):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None:
            raise BuildError(f"{function.lock} is stale: it does not pin {requirement.name}; {_REMEDY}")
        if not requirement.specifier.contains(version, prereleases=True):
            raise BuildError(f"{function.lock} is stale: {version} is not {requirement}; {_REMEDY}")


def check_installed(function: Function, directory: Path) -> None:
    """Raise BuildError if `directory` holds a distribution that nothing requires any more."""
    installed = {
        canonicalize_name(distribution.name): distribution
        for distribution in distributions(path=[str(directory)])
    }
    pending = [canonicalize_name(_parse_requirement(text).name) for text in function.dependencies]
    needed: set[NormalizedName] = set()
    while pending:
        name = pending.pop()
        if name in installed and name not in needed:
            needed.add(name)
            pending.extend(_list_required(installed[name]))
    if unneeded := sorted(set(installed) - needed):
        raise BuildError(f"{function.lock} is stale: nothing needs {', '.join(unneeded)}; {_REMEDY}")


def _list_required(distribution: Distribution) -> list[NormalizedName]:
    """Return the requirements of a distribution, whatever their markers: extra ones only relax the check."""
    return [canonicalize_name(Requirement(text).name) for text in distribution.requires or ()]


def _parse_requirement(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise BuildError(f"project.dependencies: {text!r}: {error}") from error
