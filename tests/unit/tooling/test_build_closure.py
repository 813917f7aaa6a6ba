"""Which modules a zip needs, in small trees of source."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from builder.closure import Closure, find_closure
from builder.errors import BuildError


def _write_tree(root: Path, **modules: str) -> Path:
    """Write modules; `a__b` is `a/b.py`, and every folder is a package."""
    for name, source in modules.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in path.relative_to(root).parents[:-1]:
            (root / folder / "__init__.py").touch()
        path.write_text(textwrap.dedent(source))
    return root


def _find_files(root: Path, **modules: str) -> set[str]:
    """Write modules and return the files of the closure of `fn`."""
    closure = find_closure(_write_tree(root, **modules), "fn")
    return {file.relative_to(root).as_posix() for file in closure.files}


def _describe_external(closure: Closure) -> list[tuple[str, str, bool]]:
    return [(statement.module, statement.place, statement.optional) for statement in closure.external]


def test_closure_holds_imported_modules_and_their_packages_only(tmp_path: Path) -> None:
    assert _find_files(
        tmp_path,
        fn__handler="from realtime_core.domain import filters",
        fn__unused="",
        realtime_core__domain__filters="from realtime_core import errors",
        realtime_core__domain__other="",
        realtime_core__errors="",
        realtime_core__ports="",
    ) == {
        "fn/__init__.py",
        "fn/handler.py",
        "realtime_core/__init__.py",
        "realtime_core/domain/__init__.py",
        "realtime_core/domain/filters.py",
        "realtime_core/errors.py",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "import realtime_core.extra",
        "from realtime_core import extra",
        "from realtime_core.extra import Thing",
        "def f():\n    from realtime_core.extra import Thing",
        "try:\n    import realtime_core.extra\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('realtime_core.extra')",
        "if not TYPE_CHECKING:\n    import realtime_core.extra",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import realtime_core.extra",
        "from . import actions",
        "from .actions import run",
        "from fn import actions",
    ],
)
def test_closure_follows_every_form_of_import(tmp_path: Path, statement: str) -> None:
    files = _find_files(
        tmp_path,
        fn__handler=statement,
        fn__actions="from realtime_core import extra",
        realtime_core__extra="class Thing: ...",
    )
    assert "realtime_core/extra.py" in files


def test_closure_follows_imports_of_a_package(tmp_path: Path) -> None:
    _write_tree(tmp_path, fn__handler="import realtime_core.domain", realtime_core__domain__rules="")
    (tmp_path / "realtime_core/domain/__init__.py").write_text("from .rules import *")
    assert tmp_path / "realtime_core/domain/rules.py" in find_closure(tmp_path, "fn").files


def test_closure_of_modules_that_import_each_other_is_finite(tmp_path: Path) -> None:
    files = _find_files(tmp_path, fn__handler="from fn import actions", fn__actions="from fn import handler")
    assert files == {"fn/__init__.py", "fn/handler.py", "fn/actions.py"}


def test_closure_omits_imports_for_type_checkers(tmp_path: Path) -> None:
    files = _find_files(
        tmp_path,
        fn__handler="import typing\nif typing.TYPE_CHECKING:\n    from realtime_core import ports",
        realtime_core__ports="",
    )
    assert files == {"fn/__init__.py", "fn/handler.py"}


def test_closure_names_each_external_package_once_and_prefers_required_imports(tmp_path: Path) -> None:
    _write_tree(
        tmp_path,
        fn__handler="import os, botocore.session\n"
        "try:\n    import orjson, jwt\nexcept ImportError: ...\n"
        "import jwt.utils",
    )
    assert _describe_external(find_closure(tmp_path, "fn")) == [
        ("botocore.session", "fn/handler.py:1", False),
        ("jwt.utils", "fn/handler.py:5", False),
        ("orjson", "fn/handler.py:3", True),
    ]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import importlib\nimportlib.import_module(name)", r"fn/handler\.py:2: a dynamic import"),
        ("__import__(f'realtime_core.{name}')", r"fn/handler\.py:1: a dynamic import"),
        (
            "from importlib import import_module\nimport_module('.x', __package__)",
            r"fn/handler\.py:2: a dynamic",
        ),
        (
            "from realtime_core.missing import x",
            r"fn/handler\.py:1: there is no module realtime_core\.missing",
        ),
        ("from other import handler", r"fn imports the function other; .* belongs in realtime_core"),
        ("from ... import x", r"fn/handler\.py:1: the relative import leads out of fn"),
        ("def", r"fn/handler\.py:1: invalid syntax"),
    ],
)
def test_unresolvable_import_raises_with_its_place(tmp_path: Path, source: str, complaint: str) -> None:
    _write_tree(tmp_path, fn__handler=source, other__handler="", realtime_core__ports="")
    with pytest.raises(BuildError, match=complaint):
        find_closure(tmp_path, "fn")


def test_import_from_a_folder_without_init_raises(tmp_path: Path) -> None:
    _write_tree(
        tmp_path, fn__handler="from realtime_core.domain import rules", realtime_core__domain__rules=""
    )
    (tmp_path / "realtime_core/domain/__init__.py").unlink()
    with pytest.raises(
        BuildError, match=r"no module realtime_core\.domain \(or its folder has no __init__\.py\)"
    ):
        find_closure(tmp_path, "fn")
