"""Which modules may import which: rules do no I/O, capabilities use ports, and imports have no cycle.

The tests read import statements. Those under `if TYPE_CHECKING:` count only where a test says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIBRARY = "realtime_core"
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py"))
ROOTS = {
    ROOT / "lambdas": (LIBRARY, "builder", *FUNCTIONS),
    ROOT / "clients/python": ("deals_client", "deals_publisher"),
    ROOT: ("deals_ops", "local_cloud", "examples"),
}

# Rules are functions of values: they decide, and their callers read the clock and do the I/O.
RULES = (
    "realtime_core.wire",
    "realtime_core.filters",
    "realtime_core.auth.jws",
    "realtime_core.auth.tokens",
    "realtime_core.auth.handshake",
    "realtime_core.ids",
    "realtime_core.lifetimes",
    "realtime_core.urls",
    "realtime_core.connections.schedule",
    "realtime_core.push.planning",
    "realtime_core.messages.frames",
    "message_router.requests",
    "message_router.replay",
    "message_router.limits",
    "broadcast.filter_index",
    "broadcast.filter_buckets",
)
BASES = tuple(f"{LIBRARY}.{path.parent.name}.base" for path in (ROOT / "lambdas" / LIBRARY).glob("*/base.py"))
IMPURE = {"socket", "ssl", "os", "time", "random", "threading", "selectors", "subprocess", "hiredis", "redis"}

# An adapter implements a port on one store. Only the functions' wiring may import it, and the adapters of
# tables that are written in one transaction with its own.
ADAPTERS = ("dynamodb", "redis", "sqs", "memory", "secrets_manager", "jwks", "management_api")
TRANSACTIONS = {
    # A record and its subscriptions change in one transaction, so that they always agree.
    ("subscriptions", "connections"),
}


@cache
def list_modules() -> dict[str, Path]:
    """Return the file of every module of the project by dotted name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for root, packages in ROOTS.items()
        for package in packages
        for path in (root / package).rglob("*.py")
    }


@cache
def read_imports(name: str, *, with_types: bool = False) -> frozenset[str]:
    """Return the imports of a module: modules of the project by full name, others by top-level name."""
    return frozenset(_resolve(ast.parse(list_modules()[name].read_text()).body, with_types=with_types))


def _resolve(body: list[ast.stmt], *, with_types: bool) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (
                alias.name if alias.name in list_modules() else alias.name.partition(".")[0]
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in list_modules():
                    yield inner
                else:
                    yield node.module if node.module in list_modules() else node.module.partition(".")[0]
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING" and not with_types:
            yield from _resolve(node.orelse, with_types=with_types)
        else:
            blocks = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            for block in blocks:
                yield from _resolve(
                    [part for part in block if isinstance(part, ast.stmt)], with_types=with_types
                )


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_listed_rules_exist():
    assert [rule for rule in RULES if not any(is_within(name, (rule,)) for name in list_modules())] == []


@pytest.mark.parametrize("name", [name for name in list_modules() if is_within(name, (*RULES, *BASES))])
def test_rules_do_no_io(name):
    assert read_imports(name) & IMPURE == set()
    stores = tuple(f"{LIBRARY}.{package}" for package in ("aws", "redis", "telemetry"))
    assert [imported for imported in read_imports(name) if is_within(imported, stores)] == []


@pytest.mark.parametrize("name", [name for name in list_modules() if name.startswith(f"{LIBRARY}.")])
def test_capability_imports_no_adapter_of_another(name):
    capability = name.split(".")[1]
    for imported in read_imports(name):
        parts = imported.split(".")
        if parts[0] != LIBRARY or len(parts) < 3 or parts[1] in {capability, "aws", "redis"}:
            continue
        if parts[2].startswith(ADAPTERS) and not name.endswith(".memory"):
            assert (capability, parts[1]) in TRANSACTIONS, f"{name} imports the adapter {imported}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_imports_no_other_function(function):
    others = tuple(other for other in FUNCTIONS if other != function)
    for name in list_modules():
        if is_within(name, (function,)):
            assert [
                imported for imported in read_imports(name, with_types=True) if is_within(imported, others)
            ] == []


def test_library_imports_none_of_its_users():
    users = (
        *FUNCTIONS,
        "builder",
        "deals_client",
        "deals_publisher",
        "deals_ops",
        "local_cloud",
        "examples",
        "tests",
    )
    for name in list_modules():
        if is_within(name, (LIBRARY,)):
            assert [
                imported for imported in read_imports(name, with_types=True) if is_within(imported, users)
            ] == []


def test_client_package_imports_nothing_else_of_the_project():
    """It is installed alone, by people who have nothing else of this repository."""
    for name in list_modules():
        if is_within(name, ("deals_client", "deals_publisher")):
            own = name.partition(".")[0]
            imported = read_imports(name, with_types=True) & list_modules().keys()
            assert [one for one in imported if not is_within(one, (own,))] == []


def test_imports_have_no_cycle():
    """Imports of types count too: two modules that need each other are one module, or need a third."""
    assert (
        list(
            find_cycles(
                {name: read_imports(name, with_types=True) & list_modules().keys() for name in list_modules()}
            )
        )
        == []
    )


def test_cycle_is_found():
    assert [sorted(cycle) for cycle in find_cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})] == [
        ["a", "b", "c"]
    ]


def find_cycles(graph: dict[str, set[str] | frozenset[str]]) -> Iterator[list[str]]:
    """Yield the strongly connected components of more than one module (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> Iterator[list[str]]:
        index[name] = low[name] = len(index)
        stack.append(name)
        for imported in graph.get(name, ()):
            if imported not in index:
                yield from visit(imported)
                low[name] = min(low[name], low[imported])
            elif imported in stack:
                low[name] = min(low[name], index[imported])
        if low[name] == index[name]:
            start = stack.index(name)
            component = stack[start:]
            del stack[start:]
            if len(component) > 1:
                yield component

    for name in graph:
        if name not in index:
            yield from visit(name)
