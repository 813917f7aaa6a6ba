"""What somebody who doubts does: breaks it, and sees that nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.e2e.console.console_page import ConsolePage


@pytest.mark.parametrize(
    ("fault", "states"),
    [("cut", ("waiting", "connecting", "resuming")), ("hand-over", ("handing over",))],
)
async def test_broken_connection_is_resumed_and_nothing_is_lost(
    console: ConsolePage, fault: str, states: tuple[str, ...]
) -> None:
    await console.open()
    await console.wait_until_settled(more_than=2)
    await console.press_fault(fault)
    await console.wait_for_state(*states)
    assert await console.find_violations() == []
    await console.wait_for_state("live")
    await console.assert_nothing_lost(more_than=await console.came() + 3)


async def test_killed_function_loses_nothing(console: ConsolePage) -> None:
    await console.open()
    await console.wait_until_settled(more_than=2)
    await console.press_fault("kill-broadcast")
    await asyncio.sleep(3)
    await console.assert_nothing_lost(more_than=await console.came() + 5)


async def test_fault_of_a_page_that_was_reloaded_is_still_shown_and_can_be_cleared(
    console: ConsolePage,
) -> None:
    await console.open()
    await console.press_fault("slow")
    in_force = console.page.locator("#break .notice")
    await expect(in_force).to_contain_text("s left")
    await console.page.reload()
    await expect(in_force).to_contain_text("Slow tables: begun before this page was opened")
    assert await console.find_violations() == []
    await console.page.get_by_role("button", name="Clear all").click()
    await expect(in_force).to_have_count(0)
    await console.wait_for_state("live")


async def test_history_that_is_gone_is_a_gap_until_it_is_dismissed(console: ConsolePage) -> None:
    await console.open()
    await console.press_fault("history")
    await console.wait_for_state("gap")
    await expect(console.page.locator(".gap")).to_contain_text("may be missing")
    assert await console.find_violations() == []
    await console.page.get_by_role("button", name="Dismiss").click()
    await console.wait_for_state("live")


async def test_revoked_token_closes_and_a_new_one_connects(console: ConsolePage) -> None:
    await console.open()
    await console.page.get_by_role("button", name="Who", exact=True).click()
    await console.page.get_by_role("button", name="Cho").click()
    await console.wait_for_state("live")
    await asyncio.sleep(1.1)  # revocations count in whole seconds
    await console.press_fault("revoke")
    await console.wait_for_state("closed")
    await expect(console.page.locator("#state")).to_contain_text("revoked")
    assert await console.find_violations() == []
    await asyncio.sleep(1.1)
    await console.page.get_by_role("button", name="Connect", exact=True).click()
    await console.wait_for_state("live")
    await console.assert_nothing_lost(more_than=await console.came())


async def test_token_that_ends_is_refreshed_by_hand(console: ConsolePage) -> None:
    await console.open()
    await console.press_fault("expire")
    await console.page.get_by_role("button", name="Refresh token").click(timeout=90_000)
    await console.wait_for_state("live")
    await expect(console.page.locator(".who")).to_contain_text("min")
