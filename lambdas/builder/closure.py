"""Which of our modules a function really imports, so that nothing else is shipped.

Imports inside functions count, those under `if TYPE_CHECKING:` do not. An import that only running the
code could resolve is an error, because a module that is missing from a zip shows up in production.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BuildError
from builder.imports import Import, imports_of

SHARED = "realtime_core"


@dataclass(frozen=True, slots=True)
class Closure:
    """`files` of our own that ship, and the `external` imports (top-level names, each once)."""

    files: tuple[Path, ...]
    external: tuple[Import, ...]


def closure(root: Path, function: str) -> Closure:
    """Everything that `<function>.handler` imports, directly or not. Raises BuildError."""
    files: dict[str, Path] = {}
    external: dict[str, Import] = {}
    waiting = [f"{function}.handler"]
    while waiting:
        for name in _with_parents(waiting.pop()):
            if name in files:
                continue
            path = _find(root, name)
            if path is None:
                raise BuildError(f"{function}: there is no module {name} under {root}")
            files[name] = path
            for found in _imports(root, path, name):
                top = found.module.partition(".")[0]
                if top in (function, SHARED):
                    waiting.extend(_ours(root, found))
                elif (root / top / "handler.py").is_file():
                    raise BuildError(
                        f"{found.place}: {function} imports the function {top}; what two functions use "
                        f"belongs in {SHARED}"
                    )
                elif top not in sys.stdlib_module_names and _heavier(found, external.get(top)):
                    external[top] = found
    return Closure(tuple(sorted(files.values())), tuple(external[name] for name in sorted(external)))


def _heavier(found: Import, known: Import | None) -> bool:
    """Whether an import says more than the one known: one that must succeed outweighs an optional one."""
    return known is None or (known.optional and not found.optional)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _find(root: Path, name: str) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _ours(root: Path, found: Import) -> Iterator[str]:
    """The modules that one import statement of ours brings in."""
    if _find(root, found.module) is None:
        raise BuildError(
            f"{found.place}: there is no module {found.module} (or its folder has no __init__.py)"
        )
    yield found.module
    for name in found.names:  # `from package import name`: a module of its own, or something in the package
        if _find(root, f"{found.module}.{name}"):
            yield f"{found.module}.{name}"


def _imports(root: Path, path: Path, name: str) -> Iterator[Import]:
    place = path.relative_to(root).as_posix()
    try:
        tree = ast.parse(path.read_bytes(), place)
    except SyntaxError as error:
        raise BuildError(f"{place}:{error.lineno}: {error.msg}") from error
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return imports_of(tree, place, package)
