"""Which test executes which line of the functions: recorded once by coverage, and kept in `.cache/mutants`.

A changed function makes the record anew; changed test files alone are recorded alone, and added to it. What a
test once executed stays in the record: that it runs for a mutant in vain costs time, and nothing else.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from coverage import CoverageData

from tests.mutants import timing

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "mutants"
SUITES = ("tests/unit", "tests/contract")
# What runs the functions in other processes, if at all, and the tests of the tools.
LEFT_OUT = (
    "tests/contract/gateway",
    "tests/contract/clients",
    "tests/unit/deals_client",
    "tests/unit/tooling",
)

# These hold the settings to what is documented, but execute no line of theirs: the module's import does.
SETTINGS_TESTS = "tests/unit/deals_ops/test_docs.py::"


class Executions:
    """What was recorded: the seconds of each test, and who executed each line of the functions."""

    def __init__(self, seconds: dict[str, float], data: CoverageData) -> None:
        self.seconds = seconds
        self._data = data
        self._contexts = cache(data.contexts_by_lineno)

    def of(self, file: str, line: int) -> set[str]:
        """Return the tests that may notice a change of a line of a file.

        What runs at import, such as a constant, runs for every test: those are taken that execute a line with
        its name in it, or else any line of its file.
        """
        source = (ROOT / file).read_text("utf-8")
        place = find_place(source, line)
        tests = self._executing(file, place.lines)
        if not tests and place.names:
            word = re.compile(rf"\b({'|'.join(place.names)})\b")
            for other in map(Path, self._data.measured_files()):
                text = other.read_text("utf-8").splitlines()
                if used := [number for number, line in enumerate(text, 1) if word.search(line)]:
                    # Used at import too, such as a field's limit: whoever runs the module may notice.
                    tests |= self._executing(other, used) or self._executing(other, range(len(text) + 1))
        if file.endswith("/settings.py"):
            tests |= {name for name in self.seconds if name.startswith(SETTINGS_TESTS)}
        return tests or self._executing(file, range(1, source.count("\n") + 2))

    def _executing(self, file: str | Path, lines: Iterable[int]) -> set[str]:
        contexts = self._contexts(str(ROOT / file))
        found = {context for line in lines for context in contexts.get(line, ())}
        return {_test(context) for context in found} & self.seconds.keys()


class Place(NamedTuple):
    """Where a change is: the lines that run with it, and the names that it is known by elsewhere."""

    lines: range
    names: list[str]


def find_place(source: str, line: int) -> Place:
    """Return the place of a line: its statement; of a function's defaults and decorators, the function."""
    statement: ast.stmt | ast.excepthandler | None = None
    inside = False
    for node in ast.walk(ast.parse(source)):  # breadth first: what comes later is further inside
        if isinstance(node, (ast.stmt, ast.excepthandler)) and _first(node) <= line <= (node.end_lineno or 0):
            inside = inside or isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
            statement = node
    if statement is None:
        return Place(range(line, line + 1), [])
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Place(range(statement.body[0].lineno, (statement.end_lineno or 0) + 1), [statement.name])
    if isinstance(statement, ast.ClassDef):
        return Place(range(0), [statement.name])
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or line
    lines = range(statement.lineno, max(last, line) + 1)
    return Place(lines, [] if inside else _targets(statement))


def _first(node: ast.stmt | ast.excepthandler) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _targets(statement: ast.stmt | ast.excepthandler) -> list[str]:
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return [
        node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)
    ]


def read(workers: int) -> Executions:
    """Return the record, brought up to date first; raises CalledProcessError if the tests cannot run."""
    CACHE.mkdir(parents=True, exist_ok=True)
    note = CACHE / "executions.json"
    kept = json.loads(note.read_text("utf-8")) if note.exists() else {"digests": {}, "seconds": {}}
    digests = {str(path.relative_to(ROOT)): _digest(path) for path in _sources()}
    changed = [name for name, digest in digests.items() if kept["digests"].get(name) != digest]
    if changed:
        only_tests = all(Path(name).name.startswith("test_") for name in changed)
        seconds = _record(changed if only_tests else [], workers)
        kept = {"digests": digests, "seconds": {**(kept["seconds"] if only_tests else {}), **seconds}}
        note.write_text(json.dumps(kept), "utf-8")
    data = CoverageData(str(CACHE / "coverage"))
    data.read()
    return Executions({name: took for name, took in kept["seconds"].items() if _exists(name)}, data)


def _sources() -> list[Path]:
    """Return what a record depends on: the functions, and the tests with what they share."""
    folders = [ROOT / "lambdas", *(ROOT / suite for suite in SUITES)]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [path for path in files if not str(path.relative_to(ROOT)).startswith(LEFT_OUT)]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _test(name: str) -> str:
    """Return a test's id: coverage adds the phase to it, pytest-xdist the group."""
    return name.rpartition("|")[0].rpartition("@")[0]


def _exists(test: str) -> bool:
    return (ROOT / test.partition("::")[0]).exists()


def _record(files: list[str], workers: int) -> dict[str, float]:
    """Run tests under coverage, all if no files are named; return the seconds of each that passes."""
    times = CACHE / "seconds.json"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", timing.__name__),
        *(f"--ignore={folder}" for folder in LEFT_OUT),
        *("--cov=lambdas", "--cov-context=test", "--cov-report=", *(["--cov-append"] if files else [])),
        *("-n", str(workers), "--dist=loadgroup", "--no-loadscope-reorder"),
        *(files or SUITES),
    ]
    variables = os.environ | {"COVERAGE_FILE": str(CACHE / "coverage"), timing.VARIABLE: str(times)}
    ended = subprocess.run(command, cwd=ROOT, env=variables, check=False)
    if ended.returncode not in {0, 1}:  # with 1 some fail, which tell nothing of mutants
        ended.check_returncode()
    recorded = json.loads(times.read_text("utf-8"))
    return {_test(f"{name}|"): seconds for name, seconds in recorded.items()}
