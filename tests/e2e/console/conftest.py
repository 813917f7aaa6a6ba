"""A browser with the console of the applied stack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import async_playwright

from local_cloud.control_client import call_control
from tests.e2e.console.chromium import FLAGS, find_chromium
from tests.e2e.console.console_page import ConsolePage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, BrowserContext

    from tests.e2e.service import Service

# The long run is `make test-console`: it takes minutes.
collect_ignore = [] if os.environ.get("CONSOLE_LONG") else ["long"]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
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


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    yield context
    await context.close()


@pytest.fixture
async def console(context: BrowserContext, origin: str, request: Any) -> AsyncIterator[ConsolePage]:
    """The console in a page of 1,440 px. Whatever the browser's console is told fails the test."""
    page = ConsolePage(await context.new_page(), origin)
    yield page
    allowed = request.node.get_closest_marker("refused_handshakes")
    told = [
        message
        for message in page.messages
        if not (allowed and "WebSocket connection to" in message and "failed" in message)
    ]
    assert told == []
