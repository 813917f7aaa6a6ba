"""One function, from folder to zip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder import archive, bytecode, dependencies, prune
from builder.closure import Closure, closure
from builder.errors import BuildError
from builder.functions import Function
from builder.targets import Target


@dataclass(frozen=True, slots=True)
class Builder:
    """`root` holds the functions' folders, `output` gets the zips, `cache` keeps what uv installed.

    `python` compiles the modules; without one the zips hold source alone.
    """

    root: Path
    output: Path
    cache: Path
    target: Target
    python: str | None = None

    def build(self, function: Function) -> archive.Archive:
        """Write `<function>-<version>.zip` and return it. Raises BuildError."""
        code = closure(self.root, function.name)
        site = dependencies.installed(function, self.target, self.cache)
        _check_external(function, code, site)
        contents = {file.relative_to(self.root).as_posix(): file.read_bytes() for file in code.files}
        contents.update(prune.shipped(site))
        if self.python:
            contents.update(bytecode.compiled(self.python, contents))
        return archive.write(self.output / f"{function.name}-{function.version}.zip", contents)


def _check_external(function: Function, code: Closure, site: Path) -> None:
    """Raise BuildError for an import of something that the zip will not have."""
    for found in code.external:
        top = found.module.partition(".")[0]
        provided = (site / top).is_dir() or any(site.glob(f"{top}.py")) or any(site.glob(f"{top}.*.so"))
        if not provided and not found.optional:
            raise BuildError(
                f"{found.place}: {function.name} imports {top}, which is none of its dependencies: add it to "
                f"project.dependencies in {function.name}/pyproject.toml and run `make lock`"
            )
