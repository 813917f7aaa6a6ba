"""A plugin of pytest: one module runs as a mutant, and of the tests only those that may notice run.

`MUTANT` names a JSON file: `file` and `source` of the module, and `tests`, in the order to run them. No file
is changed, so whatever stops the run leaves the sources as they are.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

VARIABLE = "MUTANT"


class _Loader(SourceFileLoader):
    """Runs the mutant's source under the module's name and path."""

    source = ""

    def get_code(self, fullname: str) -> CodeType | None:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds the one module that is a mutant; leaves the others to Python."""

    def __init__(self, file: str, source: str) -> None:
        self._file, self._source = file, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.rpartition(".")[2] not in {Path(self._file).stem, Path(self._file).parent.name}:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin != self._file:
            return None
        loader = _Loader(fullname, self._file)
        loader.source = self._source
        spec.loader = loader
        return spec


def _plant() -> list[str]:
    mutant = json.loads(Path(os.environ[VARIABLE]).read_text("utf-8"))
    sys.meta_path.insert(0, _Finder(str(Path(mutant["file"]).resolve()), mutant["source"]))
    return mutant["tests"]


_WANTED = {name: order for order, name in enumerate(_plant())} if VARIABLE in os.environ else {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the wanted tests, in their order."""
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in _WANTED])
    items[:] = sorted(
        (item for item in items if item.nodeid in _WANTED), key=lambda item: _WANTED[item.nodeid]
    )
