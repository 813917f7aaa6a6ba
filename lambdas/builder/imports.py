"""Reads the import statements of one module without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.errors import BuildError

_DYNAMIC = {"import_module", "__import__"}
_MISSING = {"ImportError", "ModuleNotFoundError"}


@dataclass(frozen=True, slots=True)
class Import:
    """An import: the absolute `module`, the `names` imported from it, and its place (`file:line`).

    It is `optional` if the code around it catches ImportError.
    """

    module: str
    names: tuple[str, ...]
    place: str
    optional: bool


def find_imports(tree: ast.Module, file: str, package: str) -> Iterator[Import]:
    """Yield every import of a module of `package` that may run. Raises BuildError if one is unresolvable."""
    return _Reader(file, package).block(tree.body, optional=False)


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str
    package: str

    def block(self, nodes: Sequence[ast.AST], *, optional: bool) -> Iterator[Import]:
        for node in nodes:
            yield from self.node(node, optional=optional)

    def node(self, node: ast.AST, *, optional: bool) -> Iterator[Import]:
        match node:
            case ast.If(test=test) if _is_type_checking(test):
                yield from self.block(node.orelse, optional=optional)
            case ast.Try():
                guarded = optional or any(_catches_missing(handler) for handler in node.handlers)
                yield from self.block(node.body, optional=guarded)
                yield from self.block([*node.handlers, *node.orelse, *node.finalbody], optional=optional)
            case ast.Import():
                for alias in node.names:
                    yield Import(alias.name, (), self._place(node), optional)
            case ast.ImportFrom():
                names = tuple(alias.name for alias in node.names)
                yield Import(self._absolute(node), names, self._place(node), optional)
            case ast.Call() if _callee(node) in _DYNAMIC:
                yield Import(self._literal(node), (), self._place(node), optional)
            case _:
                yield from self.block(list(ast.iter_child_nodes(node)), optional=optional)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        if node.level > len(parts):
            raise BuildError(f"{self._place(node)}: the relative import leads out of {parts[0]}")
        base = ".".join(parts[: len(parts) - node.level + 1])
        return f"{base}.{node.module}" if node.module else base

    def _literal(self, node: ast.Call) -> str:
        match node.args:
            case [ast.Constant(value=str(name))] if name and not name.startswith("."):
                return name
        raise BuildError(
            f"{self._place(node)}: a dynamic import hides what it needs; write an import statement, or call "
            "import_module with one literal absolute name"
        )

    def _place(self, node: ast.stmt | ast.expr) -> str:
        return f"{self.file}:{node.lineno}"


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(error, ast.Name) and error.id in _MISSING for error in caught)


def _callee(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None
