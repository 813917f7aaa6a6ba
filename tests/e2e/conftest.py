"""The applied stack, its operators, and people who connect to it."""

from __future__ import annotations

import itertools
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from local_cloud.client import Person
from local_cloud.settings import find_port
from local_cloud.stack import running_stack
from tests.documented_frames import find_problems
from tests.e2e import rights
from tests.e2e.operator import Operator
from tests.e2e.rights import pytest_sessionfinish, pytest_testnodedown  # noqa: F401 - pytest calls them
from tests.e2e.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_numbers = itertools.count(1)
APPLY_SECONDS_MAX = 600
"""A first apply takes a minute, and several minutes on a busy machine."""
STACKS = {"stack", "redis_stack"}
REDIS_PORTS_BESIDE = 10
"""The distance between the ports of the cloud without and the cloud with Redis."""
COPIES_BESIDE = 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the first test of each group that shares a stack wait for its apply, and destroy a stack last."""
    items.sort(key=lambda item: "stack_to_destroy" in getattr(item, "fixturenames", ()))
    groups: set[str] = set()
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if not STACKS.isdisjoint(getattr(item, "fixturenames", ())) and group.args[0] not in groups:
            groups.add(group.args[0])
            item.add_marker(pytest.mark.timeout(APPLY_SECONDS_MAX))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of rights; and what chaos runs report, above all their seeds, passed or not."""
    rights.report(terminalreporter)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "chaos":
                    terminalreporter.write_line(str(value))


class Connects(Protocol):
    """Opens a connection for a user; it is closed when the test ends."""

    async def __call__(self, user_id: str, **claims: Any) -> Person: ...


@pytest.fixture(scope="session")
def stack() -> Iterator[Service]:
    """The applied service, on the emulator at LOCALSTACK_ENDPOINT, else on a local cloud."""
    with running_stack() as running:
        service = Service(running)
        yield service
        rights.gather(service)


@pytest.fixture
def stack_to_destroy(stack: Service) -> Iterator[Service]:
    """A copy of the stack for one test, on ports of its own."""
    if stack.stack.console_url is None:
        yield stack  # there is one cloud, which was started elsewhere
        return
    with running_stack(port=find_port() + COPIES_BESIDE) as running:
        yield Service(running)


@pytest.fixture(scope="session")
def operator(stack: Service) -> Iterator[Operator]:
    """An operator with all policies of the stack for the command line."""
    operator = Operator(stack, "operator", ("full", "sign"))
    yield operator
    operator.delete()


@pytest.fixture(scope="session")
def reader(stack: Service) -> Iterator[Operator]:
    """An operator who may only read."""
    reader = Operator(stack, "reader", ("read",))
    yield reader
    reader.delete()


@pytest.fixture(scope="session")
def redis_stack() -> Iterator[Service]:
    """The service with Redis, on a second cloud."""
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the Redis of these tests is the embedded local cloud's: unset LOCALSTACK_ENDPOINT")
    with running_stack(port=find_port() + REDIS_PORTS_BESIDE, redis=True) as running:
        service = Service(running)
        yield service
        rights.gather(service)


@pytest.fixture(scope="session")
def redis_operator(redis_stack: Service) -> Iterator[Operator]:
    """An operator of the stack with Redis, with all policies."""
    operator = Operator(redis_stack, "operator", ("full", "sign"))
    yield operator
    operator.delete()


@pytest.fixture(autouse=True)
def documented() -> Iterator[None]:
    """Hold every frame that a person receives against docs/asyncapi.yaml."""
    frames: list[dict[str, Any]] = []
    Person.on_frame = frames.append
    yield
    Person.on_frame = None
    assert [problem for frame in frames for problem in find_problems(frame)] == []


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user id that no other test uses, since tests share the stack."""
    return f"{request.node.originalname}-{next(_numbers)}"[-100:]


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"t{next(_numbers)}.deals"


@pytest.fixture
async def connects(stack: Service) -> AsyncIterator[Connects]:
    """Connects a user with a valid token in the Authorization header."""
    async with AsyncExitStack() as people:

        async def connect(user_id: str, **claims: Any) -> Person:
            token = stack.token(user_id, **claims)
            person = await Person.connect(
                stack.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
            )
            people.push_async_callback(person.leave)
            return person

        yield connect
