"""The gateway's contract tests run on the local cloud, or with `--target aws` on AWS itself.

On AWS they use the current credentials, and delete everything that they create.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import boto3
import pytest
from websockets.asyncio.client import ClientConnection, connect

from local_cloud import LocalCloud
from tests.contract.gateway.probe import Api, Deployer, Target


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target", choices=("local", "aws"), default="local", help="where the gateway tests run"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "local_only(reason): cannot run on AWS, for that reason")


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("local_only")
    if marker and item.config.getoption("--target", "local") == "aws":
        pytest.skip(marker.args[0])


@pytest.fixture(scope="session")
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCloud | None]:
    """The local cloud; None on AWS."""
    if request.config.getoption("--target", "local") == "aws":
        yield None
        return
    with LocalCloud.start(state_dir=tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def target(cloud: LocalCloud | None) -> Target:
    if cloud is None:
        return Target(boto3.Session(), None)
    return Target(boto3.Session("test", "test", region_name=cloud.region), cloud.endpoint)


@pytest.fixture(scope="session")
def deployer(target: Target) -> Iterator[Deployer]:
    deployer = Deployer(target)
    yield deployer
    deployer.delete_all()


@pytest.fixture(scope="session")
def logging_role(cloud: LocalCloud | None, target: Target) -> str:
    """The role with which the account's stages log; on AWS the account needs one beforehand."""
    rest = target.client("apigateway")
    if cloud is None:
        return str(rest.get_account()["cloudwatchRoleArn"])
    role = f"arn:aws:iam::{target.account}:role/logging"
    rest.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
    return role


@pytest.fixture(scope="session")
def api(deployer: Deployer) -> Api:
    """The API of most tests: `echo` answers with its event, the other routes differ in their settings."""
    return deployer.deploy(
        {
            "$connect": {},
            "$disconnect": {},
            "$default": {"replies": True},
            "echo": {"replies": True},
            "one-way": {},
            "half": {"replies": False},
            "hurried": {"replies": True, "integration": {"TimeoutInMillis": 500}},
            "mock": {
                "replies": True,
                "mock": '{"from": "mock"}',
                "integration": {
                    "IntegrationType": "MOCK",
                    "RequestTemplates": {"200": '{"statusCode": 200}'},
                    "TemplateSelectionExpression": "200",
                },
            },
            "silent": {
                "integration": {
                    "IntegrationType": "MOCK",
                    "RequestTemplates": {"$default": '{"statusCode": 200}'},
                    "TemplateSelectionExpression": "\\$default",
                }
            },
            "untold": {"integration": {"IntegrationType": "MOCK"}},
        }
    )


@pytest.fixture(scope="session")
def guarded(deployer: Deployer) -> Api:
    """An API with an authorizer."""
    return deployer.deploy({"$connect": {"authorizer": True}, "$disconnect": {}, "echo": {"replies": True}})


class Client:
    """A connected client that speaks JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def ask(self, **message: Any) -> Any:
        """Send one message and return the next that arrives."""
        await self.socket.send(json.dumps(message))
        return json.loads(await self.socket.recv())

    async def connection_id(self) -> str:
        return (await self.ask(action="echo"))["requestContext"]["connectionId"]

    async def close_without_status(self) -> None:
        """Send the close frame that browsers send on `close()`."""
        self.socket.protocol.send_close()
        self.socket.send_data()
        await self.socket.wait_closed()


@pytest.fixture
async def dial() -> AsyncIterator[Any]:
    """Connect to a URL; all clients are closed at the end of the test."""
    async with AsyncExitStack() as stack:

        async def dial(url: str, **options: Any) -> Client:
            options = {
                "open_timeout": 20,
                "ping_interval": None,
                "compression": None,
                "proxy": None,
            } | options
            return Client(await stack.enter_async_context(connect(url, **options)))

        yield dial
