"""Who may import whom: rules stay free of I/O, capabilities meet by their ports, nothing runs in a circle.

Read from the import statements. Those under `if TYPE_CHECKING:` count only where a test says so.
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
    ROOT / "clients/python": ("deals_publisher",),
    ROOT: ("deals_ops", "local_cloud", "examples"),
}

# Rules are functions of values: they decide, and somebody else reads the clock and does the I/O.
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

# An adapter is what implements a port on one store; nobody but the functions' wiring, and the adapters of the
# tables that are written in one transaction with its own, may know it.
ADAPTERS = ("dynamodb", "redis", "sqs", "memory", "secrets_manager", "jwks", "management_api")
TRANSACTIONS = {
    # The record and its subscriptions change in one transaction: they never disagree.
    ("subscriptions", "connections"),
}


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for root, packages in ROOTS.items()
        for package in packages
        for path in (root / package).rglob("*.py")
    }


@cache
def imports(name: str, *, with_types: bool = False) -> frozenset[str]:
    """The modules that a module imports: of the project by their full names, of others by their top names."""
    return frozenset(_resolve(ast.parse(modules()[name].read_text()).body, with_types=with_types))


def _resolve(body: list[ast.stmt], *, with_types: bool) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (
                alias.name if alias.name in modules() else alias.name.partition(".")[0]
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in modules():
                    yield inner
                else:
                    yield node.module if node.module in modules() else node.module.partition(".")[0]
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING" and not with_types:
            yield from _resolve(node.orelse, with_types=with_types)
        else:
            blocks = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            for block in blocks:
                yield from _resolve(
                    [part for part in block if isinstance(part, ast.stmt)], with_types=with_types
                )


def in_rooms(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def test_every_rule_that_is_named_here_exists():
    assert [room for room in RULES if not any(in_rooms(name, (room,)) for name in modules())] == []


@pytest.mark.parametrize("name", [name for name in modules() if in_rooms(name, (*RULES, *BASES))])
def test_rules_do_no_io(name):
    assert imports(name) & IMPURE == set()
    store = tuple(f"{LIBRARY}.{room}" for room in ("aws", "redis", "telemetry"))
    assert [found for found in imports(name) if in_rooms(found, store)] == []


@pytest.mark.parametrize("name", [name for name in modules() if name.startswith(f"{LIBRARY}.")])
def test_a_capability_meets_the_others_by_their_ports(name):
    room = name.split(".")[1]
    for found in imports(name):
        parts = found.split(".")
        if parts[0] != LIBRARY or len(parts) < 3 or parts[1] in {room, "aws", "redis"}:
            continue
        if parts[2].startswith(ADAPTERS) and not name.endswith(".memory"):
            assert (room, parts[1]) in TRANSACTIONS, f"{name} imports the adapter {found}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_no_other_function(function):
    others = tuple(other for other in FUNCTIONS if other != function)
    for name in modules():
        if in_rooms(name, (function,)):
            assert [found for found in imports(name, with_types=True) if in_rooms(found, others)] == []


def test_the_library_knows_none_of_its_users():
    users = (*FUNCTIONS, "builder", "deals_publisher", "deals_ops", "local_cloud", "examples", "tests")
    for name in modules():
        if in_rooms(name, (LIBRARY,)):
            assert [found for found in imports(name, with_types=True) if in_rooms(found, users)] == []


def test_no_imports_run_in_a_circle():
    """Not even those of types: two modules that need each other are one, or need a third."""
    assert (
        list(circles({name: imports(name, with_types=True) & modules().keys() for name in modules()})) == []
    )


def test_a_circle_is_found():
    assert [sorted(circle) for circle in circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})] == [
        ["a", "b", "c"]
    ]


def circles(arrows: dict[str, set[str] | frozenset[str]]) -> Iterator[list[str]]:
    """The strongly connected components of more than one module (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> Iterator[list[str]]:
        index[name] = low[name] = len(index)
        stack.append(name)
        for found in arrows.get(name, ()):
            if found not in index:
                yield from visit(found)
                low[name] = min(low[name], low[found])
            elif found in stack:
                low[name] = min(low[name], index[found])
        if low[name] == index[name]:
            start = stack.index(name)
            component = stack[start:]
            del stack[start:]
            if len(component) > 1:
                yield component

    for name in arrows:
        if name not in index:
            yield from visit(name)
