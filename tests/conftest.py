"""What all tests have, and how they are shared out among pytest-xdist's workers.

`make` runs them with `-n 3 --dist loadgroup --no-loadscope-reorder`. A group runs on one worker, in order:
what its tests share is created once and used by one of them at a time. Without `-n` the tests run in the same
order in one process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from local_cloud.isolation import isolate
from realtime_core.telemetry import logs
from realtime_core.telemetry.logs import bound
from realtime_core.telemetry.metrics import recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITES = ("e2e", "contract", "terraform", "unit")
"""The order in which the suites start: what takes longest cannot start last."""
STACKS = ("redis_stack", "stack")
"""The fixtures that apply the service: each has a cloud and ports of its own, so both run side by side."""
COPIES = ("tests/e2e/console/", "tests/e2e/test_chaos.py")
"""Tests that take minutes together: each of these has a copy of the stack, beside all others that use it."""
GATEWAY = "tests/contract/gateway/"
LONG_SECONDS = 300
"""A test that may take so long, by its timeout, starts before the others of its suite."""
MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS")


def pytest_configure(config: pytest.Config) -> None:
    """Forget what the `make` that runs the tests was called with, and which accounts this machine knows.

    Tests call `make` themselves; only those of the gateway may be asked to run on AWS.
    """
    if config.getoption("--target", "local") == "local":
        isolate()
    for name in MAKE_VARIABLES:
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def telemetry_of_its_own() -> Iterator[None]:
    """Logs and metrics belong to the process: no test sees another's values, settings or bound fields.

    A test is no cold start either.
    """
    logs.configure()
    recorder.configure()
    recorder.start(cold=False)
    with bound():
        yield


@pytest.hookimpl(tryfirst=True)  # pytest-xdist's own hook, which reads the groups, has no order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and name the group of each."""
    items.sort(key=_start_order)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _start_order(item: pytest.Item) -> tuple[int, int]:
    """The suite, and in it first who applies what others copy, then what is long, then who has a copy."""
    folder = item.nodeid.split("/")[1]
    suite = SUITES.index(folder) if folder in SUITES else len(SUITES)
    group, timeout = _group(item), item.get_closest_marker("timeout")
    if group in STACKS:
        return suite, STACKS.index(group)
    if group in COPIES:
        return suite, 3
    return suite, 2 if timeout and timeout.args[0] >= LONG_SECONDS else 4


def _group(item: pytest.Item) -> str:
    """The stack or the local cloud that a test uses with others, else its module, or itself if it is long."""
    fixtures = getattr(item, "fixturenames", ())
    for stack in STACKS:
        if stack in fixtures:
            return next(filter(item.nodeid.startswith, COPIES), stack)
    if item.nodeid.startswith(GATEWAY) and "cloud" in fixtures:
        return GATEWAY
    module = item.nodeid.partition("::")[0]
    return item.nodeid if module.endswith("terraform/test_modules.py") else module
