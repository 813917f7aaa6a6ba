"""Finds the modules of our own that a function imports, so that its zip holds nothing else.

Imports inside functions count; those under `if TYPE_CHECKING:` do not. An import that only running the code
could resolve is an error, because a module missing from a zip would fail in production.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BuildError
from builder.imports import Import, find_imports

SHARED = "realtime_core"


@dataclass(frozen=True, slots=True)
class Closure:
    """The `files` of our own that ship, and the `external` imports, one for each top-level package."""

    files: tuple[Path, ...]
    external: tuple[Import, ...]


def find_closure(root: Path, function: str) -> Closure:
    """Return everything that `<function>.handler` imports, directly or not. Raises BuildError."""
    files: dict[str, Path] = {}
    external: dict[str, Import] = {}
    pending = [f"{function}.handler"]

    while pending:
        for name in _with_parents(pending.pop()):
            if name in files:
                continue
            path = _find_file(root, name)
            if path is None:
                raise BuildError(f"{function}: there is no module {name} under {root}")
            files[name] = path

            for statement in _read_imports(root, path, name):
                top = statement.module.partition(".")[0]
                if top in (function, SHARED):
                    pending.extend(_imported_modules(root, statement))
                elif (root / top / "handler.py").is_file():
                    raise BuildError(
                        f"{statement.place}: {function} imports the function {top}; what two functions use "
                        f"belongs in {SHARED}"
                    )
                elif top not in sys.stdlib_module_names and _outweighs(statement, external.get(top)):
                    external[top] = statement

    return Closure(tuple(sorted(files.values())), tuple(external[name] for name in sorted(external)))


def _outweighs(statement: Import, known: Import | None) -> bool:
    """Whether this import of a package replaces the known one: required outweighs optional."""
    return known is None or (known.optional and not statement.optional)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _find_file(root: Path, name: str) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _imported_modules(root: Path, statement: Import) -> Iterator[str]:
    """Yield the modules of our own that one import statement loads."""
    if _find_file(root, statement.module) is None:
        raise BuildError(
            f"{statement.place}: there is no module {statement.module} (or its folder has no __init__.py)"
        )
    yield statement.module
    # In `from package import name`, a name is a submodule or something that the package defines.
    for name in statement.names:
        if _find_file(root, f"{statement.module}.{name}"):
            yield f"{statement.module}.{name}"


def _read_imports(root: Path, path: Path, name: str) -> Iterator[Import]:
    place = path.relative_to(root).as_posix()
    try:
        tree = ast.parse(path.read_bytes(), place)
    except SyntaxError as error:
        raise BuildError(f"{place}:{error.lineno}: {error.msg}") from error
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return find_imports(tree, place, package)
