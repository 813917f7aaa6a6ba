"""A browser with the console of the applied stack."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from local_cloud.control_client import call_control
from tests.e2e.console.chromium import FLAGS, find_chromium
from tests.e2e.console.console_page import ConsolePage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, BrowserContext

    from tests.e2e.service import Service

HERE = Path(__file__).parent
# The long run is `make test-console`: it takes minutes.
collect_ignore = [] if os.environ.get("CONSOLE_LONG") else ["long"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in one event loop, so that they share the browser."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests: each has a context of its own in it, with its own storage."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
def origin(stack: Service) -> Iterator[str]:
    """Where the console is served; the feed and all faults end with the test."""
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("only the local cloud serves the console: unset LOCALSTACK_ENDPOINT")
    yield stack.stack.endpoint
    call_control(stack.stack.endpoint, "POST", "feed", {"running": False})


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    yield context
    await context.close()


GIVEN_UP = "closed before the connection is established"
"""What Chromium says of a handshake that the client no longer waits for, as on a busy machine."""


@pytest_asyncio.fixture(loop_scope="session")
async def console(context: BrowserContext, origin: str, request: Any) -> AsyncIterator[ConsolePage]:
    """The console in a page of 1,440 px. Whatever the browser's console is told fails the test."""
    page = ConsolePage(await context.new_page(), origin)
    yield page
    expected = [GIVEN_UP] + (["failed"] if request.node.get_closest_marker("refused_handshakes") else [])
    told = [
        message
        for message in page.messages
        if "WebSocket connection to" not in message or not any(part in message for part in expected)
    ]
    assert told == []
