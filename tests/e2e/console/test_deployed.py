"""The console of a deployed service: any static host, no control API, a token that one pastes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.console.console_page import ConsolePage
from tests.e2e.console.static_host import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import BrowserContext

    from tests.e2e.service import Service

FILES = {"/", "/console.js", "/console.css", "/config.json", "/icon.svg"}


@pytest_asyncio.fixture(loop_scope="session")
async def deployed(context: BrowserContext, stack: Service, tmp_path: Path) -> AsyncIterator[ConsolePage]:
    """The page of a static host, opened; whatever the browser's console is told fails the test."""
    with serving(tmp_path / "site", stack.websocket_url) as (origin, asked):
        page = ConsolePage(await context.new_page(), origin, path="/")
        await page.page.goto(page.url + "#topic=travel.flights")
        yield page
        assert page.messages == []
        assert set(asked) <= FILES, "it asked for what a static host does not have"


async def test_pasted_token_connects_and_deals_arrive_without_the_local_clouds_regions(
    deployed: ConsolePage, stack: Service
) -> None:
    page, token = deployed.page, stack.token("ann")
    await expect(page.get_by_role("dialog")).to_contain_text("Who connects")
    assert await page.get_by_role("button", name="Ann").count() == 0
    await page.get_by_label("A token of your own").fill(token)
    await page.get_by_role("button", name="Connect with it").click()
    await deployed.wait_for_state("live")

    title = f"Lisbon {uuid.uuid4()}"
    stack.publish(topic="travel.flights", data={"title": title, "price": 99})
    await expect(page.locator(".card", has_text=title)).to_be_visible()
    assert await page.locator("#break, #service, #sentence").count() == 0
    await expect(page.locator(".sentence")).to_contain_text("known only where the feed runs")
    assert await deployed.find_violations() == []

    kept = await page.evaluate(
        "[location.href, ...Object.values({...localStorage, ...sessionStorage})].join()"
    )
    assert token not in kept


async def test_page_without_a_token_asks_for_one_and_calls_nobody(deployed: ConsolePage) -> None:
    page = deployed.page
    await expect(page.get_by_role("dialog")).to_contain_text("Who connects")
    assert await deployed.find_violations() == []
    await page.keyboard.press("Escape")
    assert await deployed.state() == "idle"
    await expect(page.locator("#state")).to_contain_text("a token of yours is needed")
    await expect(page.get_by_role("button", name="Connect", exact=True)).to_be_disabled()
    assert await deployed.find_violations() == []
