"""Scenario files: what they hold, and which there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml  # type: ignore[import-untyped]

Step: TypeAlias = Mapping[str, Any]

FOLDER = Path(__file__).parents[1] / "scenarios"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML 1.2: `on` is a word, and only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])

_LONG_TEXT = re.compile(r"\$text\((\d+)\)")
_FIELDS = {"promise", "rules", "needs", "service", "options", "random", "listen", "storage", "steps"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: its promise, the rules of the clients' design that it proves, and its steps."""

    name: str
    promise: str
    rules: Sequence[int]
    needs: frozenset[str]
    service: Mapping[str, Any]
    create: Mapping[str, Any]
    """Further fields of the `create` command."""
    steps: Sequence[Step]


def load(path: Path) -> Scenario:
    """Read a scenario. Raises ValueError that names the file and the field."""
    content = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a safe loader
    if unknown := set(content) - _FIELDS:
        raise ValueError(f"{path.name}: {', '.join(sorted(unknown))}: unknown")
    for name in ("promise", "rules", "steps"):
        if not content.get(name):
            raise ValueError(f"{path.name}: {name}: missing")

    create = {
        "options": content.get("options", {}),
        "random": content.get("random", 0.5),
        "listen": content.get("listen", []),
        "storage": content.get("storage"),
    }
    return Scenario(
        path.stem,
        str(content["promise"]).strip(),
        content["rules"],
        frozenset(content.get("needs", ())),
        content.get("service", {}),
        create,
        _expand(content["steps"]),
    )


def _expand(value: Any) -> Any:
    """Put a text of so many characters in the place of each `$text(n)`."""
    if isinstance(value, dict):
        return {name: _expand(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_expand(part) for part in value]
    match = _LONG_TEXT.fullmatch(value) if isinstance(value, str) else None
    return "x" * int(match[1]) if match else value


def find(names: Sequence[str]) -> list[Path]:
    """Return the files of the named scenarios, or of all. Raises ValueError for one that does not exist."""
    if not names:
        return sorted(FOLDER.glob("*.yaml"))
    paths = [FOLDER / f"{Path(name).stem}.yaml" for name in names]
    if missing := [path.name for path in paths if not path.exists()]:
        raise ValueError(f"{', '.join(missing)}: no such scenario")
    return paths
