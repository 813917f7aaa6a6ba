"""The service that is applied to this cloud, found by public calls of the emulator."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deals_ops.aws import AwsClients
from deals_ops.errors import Missing, OpsError
from deals_ops.stack import FUNCTIONS, LOCAL_ENVIRONMENT, OPTIONAL_FUNCTIONS, Stack
from local_cloud.gateway.control_calls import NotFound, Unavailable
from realtime_core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.gateway.backend import Backend

Result = TypeVar("Result")

NAME = "deals"
# Another apply may change the settings of its functions.
_KEPT_S = 5.0


class AppliedStack:
    """Finds the stack, and runs functions of it apart from the event loop."""

    def __init__(self, backend: Backend) -> None:
        # Root's credentials, like those that applied it, and past the front: what the console asks for is no
        # traffic of the service, and no fault hits it.
        session = boto3.Session("test", "test", region_name=backend.region)
        self._aws = AwsClients(session, backend.url)
        self._found: tuple[float, Stack | None] = (-_KEPT_S, None)

    async def find(self) -> Stack | None:
        """Return the stack; None if nothing is applied yet. Raises Unavailable."""
        return await self._run(self._find)

    async def run(self, work: Callable[[Stack], Result]) -> Result:
        """Run a function of the stack in a thread. Raises NotFound without a stack, Unavailable."""

        def run() -> Result:
            stack = self._find()
            if stack is None:
                raise NotFound("stack: nothing is applied to this cloud; run `make local-up`")
            return work(stack)

        return await self._run(run)

    async def full_name(self, function: str) -> str:
        """Return the full name of a function of the stack. Raises NotFound, Unavailable."""
        return await self.run(lambda stack: _full_name(stack, function))

    async def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(work)
        except (BotoCoreError, ClientError, OpsError, ServiceError) as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error

    def _find(self) -> Stack | None:
        found_at, stack = self._found
        if time.monotonic() - found_at < _KEPT_S:
            return stack
        stack = Stack(self._aws, NAME, LOCAL_ENVIRONMENT)
        try:
            stack.get_configuration("janitor")
        except Missing:
            self._found = (-_KEPT_S, None)  # ask again at once: it may be applied any moment
            return None
        self._found = (time.monotonic(), stack)
        return stack


def list_functions(stack: Stack) -> list[str]:
    """Return the short names of the functions that the stack has."""
    pages = stack.aws.client("lambda").get_paginator("list_functions").paginate()
    names = {function["FunctionName"] for page in pages for function in page["Functions"]}
    return [name for name in (*FUNCTIONS, *OPTIONAL_FUNCTIONS) if f"{stack.prefix}-{name}" in names]


def describe(stack: Stack) -> dict[str, Any]:
    """Return what a page needs to connect, which names no host: the page has this cloud's."""
    return {
        "name": stack.prefix,
        "websocket_path": urlsplit(stack.management_endpoint).path,
        "functions": list_functions(stack),
    }


def _full_name(stack: Stack, function: str) -> str:
    functions = list_functions(stack)
    if function not in functions:
        raise NotFound(f"functions: {function!r} is none of {', '.join(functions)}")
    return f"{stack.prefix}-{function}"
