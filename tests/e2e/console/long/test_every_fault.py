"""The long run: the faults that take half a minute or more, and 10,000 deals."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from local_cloud.control_client import call_control
from tests.e2e.console.console_page import ConsolePage

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

    from tests.e2e.service import Service

FAULT_SECONDS = 31
DEALS = 10_000
HEAP_GROWTH_MAX = 1.6


@pytest.mark.parametrize("fault", ["goodbye", "half-open", "kill-delivery", "slow", "throttled", "two-hours"])
@pytest.mark.timeout(300)
async def test_fault_ends_and_nothing_is_lost(console: ConsolePage, fault: str) -> None:
    await console.open()
    await console.wait_until_settled(more_than=2)
    await console.press_fault(fault)
    await asyncio.sleep(FAULT_SECONDS)
    await console.wait_for_state("live")
    await console.assert_nothing_lost(more_than=await console.came() + 5)


@pytest.mark.timeout(600)
async def test_redis_that_goes_away_slows_deals_and_loses_none(
    context: BrowserContext, redis_stack: Service
) -> None:
    console = ConsolePage(await context.new_page(), redis_stack.stack.endpoint)
    await console.open()
    await console.wait_until_settled(more_than=2)
    await console.press_fault("redis")
    await expect(console.page.locator("#break .notice")).to_contain_text("Redis away")
    assert await console.find_violations() == []
    await console.wait_until_came(await console.came() + 5)
    await expect(console.page.locator("#break .notice")).to_have_count(0, timeout=60_000)
    await console.wait_for_state("live")
    await console.assert_nothing_lost(more_than=await console.came() + 5)
    assert console.messages == []
    call_control(redis_stack.stack.endpoint, "POST", "feed", {"running": False})


@pytest.mark.refused_handshakes
@pytest.mark.timeout(300)
async def test_too_many_connections_are_refused_with_the_reason_and_end(console: ConsolePage) -> None:
    await console.open()
    await console.press_fault("too-many")
    await console.wait_for_state("refused")
    await expect(console.page.locator(".notice[role=alert]")).to_contain_text("429", timeout=20_000)
    assert await console.find_violations() == []
    await console.wait_for_state("live", seconds=90)


@pytest.mark.timeout(300)
async def test_token_that_is_not_refreshed_ends_the_connection_and_the_page_comes_back(
    console: ConsolePage,
) -> None:
    await console.open()
    await console.press_fault("expire")
    await console.wait_for_state("expired", seconds=90)
    assert await console.find_violations() == []
    await console.wait_for_state("waiting", "connecting", "closed", seconds=180)


async def test_page_that_was_offline_catches_up(console: ConsolePage, context: BrowserContext) -> None:
    await console.open()
    await console.wait_until_settled(more_than=2)
    await console.press_fault("cut")
    await context.set_offline(True)
    await console.wait_for_state("waiting", "refused")
    await asyncio.sleep(3)
    await context.set_offline(False)
    console.messages.clear()  # the browser tells of each call that had no network
    await console.wait_for_state("live")
    await console.assert_nothing_lost(more_than=await console.came() + 3)


@pytest.mark.timeout(600)
async def test_ten_thousand_deals_leave_the_memory_flat_and_the_counts_exact(console: ConsolePage) -> None:
    await console.open("#topic=all-deals")
    await console.page.get_by_label("Deals a second of the feed").select_option("200")
    session = await console.page.context.new_cdp_session(console.page)

    async def heap_bytes() -> float:
        await session.send("HeapProfiler.collectGarbage")
        usage = await session.send("Runtime.getHeapUsage")
        return float(usage["usedSize"])

    await console.wait_until_came(int(DEALS * 0.6))
    before = await heap_bytes()
    await console.wait_until_came(DEALS)
    assert await heap_bytes() < before * HEAP_GROWTH_MAX
    assert await console.page.locator(".card, .line").count() <= 1_000
    await console.page.get_by_label("Deals a second of the feed").select_option("1")
    await console.assert_nothing_lost()
