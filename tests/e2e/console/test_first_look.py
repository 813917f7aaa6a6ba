"""What a newcomer sees: deals arrive, the sentence is true, and the page holds for every eye and screen."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.console.console_page import ConsolePage


async def test_deals_arrive_within_ten_seconds_and_the_sentence_is_true(console: ConsolePage) -> None:
    await console.open()
    await console.page.locator(".card.from-live").first.wait_for(timeout=10_000)
    await console.assert_nothing_lost(more_than=3)
    assert (await console.count())["slowest"] != "\u2013"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_of_every_width_has_no_violation_and_no_sideways_scrolling(
    console: ConsolePage, scheme: str
) -> None:
    await console.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await console.open()
    await console.page.locator(".card").first.wait_for()
    for width in (360, 1440, 3840):
        await console.page.set_viewport_size({"width": width, "height": 1000})
        assert await console.find_violations() == [], width
        assert not await console.scrolls_sideways(), width


async def test_page_at_four_times_the_size_flows_into_one_column_and_its_dialog_fits(
    console: ConsolePage,
) -> None:
    """1,280 by 1,024 px at 400 % are 320 by 256 (WCAG 1.4.10)."""
    await console.page.set_viewport_size({"width": 320, "height": 256})
    await console.open()
    await console.page.locator(".card").first.wait_for()
    assert await console.find_violations() == []
    assert await console.find_clipped() == []
    assert not await console.scrolls_sideways()

    await console.page.get_by_role("button", name="Keys and help", exact=True).click()
    close = console.page.get_by_role("button", name="Close", exact=True)
    await close.scroll_into_view_if_needed()
    await expect(close).to_be_in_viewport(ratio=1)
    assert await console.find_clipped() == []
    await close.click()
    await expect(console.page.locator("dialog[open]")).to_have_count(0)


async def test_forced_colours_leave_every_difference_visible(console: ConsolePage) -> None:
    await console.page.emulate_media(forced_colors="active")
    await console.open()
    await console.page.locator(".card.from-live").first.wait_for()
    assert await console.find_violations() == []

    async def style(selector: str, name: str) -> str:
        script = "(one, name) => getComputedStyle(one)[name]"
        return str(await console.page.locator(selector).first.evaluate(script, name))

    ground = await style("body", "backgroundColor")
    assert await style(".card.from-live", "borderLeftWidth") == "5px"
    assert await style("#state .shape", "color") != ground
    assert await style(".strip rect:not(.ground)", "fill") != ground
    assert await style("polyline", "stroke") not in {ground, "none"}
    await console.page.locator("#pause").focus()
    await console.page.keyboard.press("Tab")
    assert await style(":focus-visible", "outlineStyle") == "solid"


async def test_dialogs_and_all_regions_open_have_no_violation(console: ConsolePage) -> None:
    await console.open()
    folded = console.page.locator("details:not([open]) > summary")
    while await folded.count() > 0:
        await folded.first.click()
    await console.page.locator(".card .title").first.click()
    assert await console.find_violations() == []
    assert not await console.scrolls_sideways()

    for name in ("Who", "Keys and help"):
        await console.page.get_by_role("button", name=name, exact=True).click()
        assert await console.find_violations() == []
        await console.page.keyboard.press("Escape")


async def test_hostile_deal_is_text_everywhere(console: ConsolePage) -> None:
    await console.open("#topic=hostile.deals")
    await console.press_fault("hostile")
    await console.page.locator(".card.from-live").nth(5).wait_for()
    await console.page.locator("#frames > summary").click()
    for title in await console.page.locator(".card .title").all():
        await title.click()

    await console.assert_nothing_lost()
    assert await console.page.locator("#console :is(script, img, iframe, a:not(.skip))").count() == 0
    assert await console.page.evaluate("Object.keys(window).filter((name) => /pwn|hack/i.test(name))") == []
    assert not await console.scrolls_sideways()


async def test_pause_and_the_pointer_hold_the_list_still(console: ConsolePage) -> None:
    await console.open()
    first = console.page.locator(".card .title").first
    await first.wait_for()
    await console.page.locator("#pause").click()
    title = await first.inner_text()
    await console.page.locator("#new").wait_for()
    assert await first.inner_text() == title

    await console.page.locator("#new").click()
    await console.page.locator("#pause").click()
    await console.page.locator("#new").wait_for(state="detached")


async def test_list_is_still_while_the_pointer_is_in_it_or_its_top_is_scrolled_away(
    console: ConsolePage,
) -> None:
    await console.open()
    cards, new = console.page.locator("#list"), console.page.locator("#new")
    newest = console.page.locator(".card .position").first
    await console.wait_until_came(20)
    assert await cards.evaluate("(list) => { list.scrollTop = 50; return list.scrollTop; }") == 50
    position = await newest.inner_text()
    await console.wait_until_came(await console.came() + 3)
    assert await newest.inner_text() == position
    await cards.evaluate("(list) => list.scrollTo(0, 0)")
    await new.wait_for(state="detached")

    await console.page.locator(".card .title").first.hover()
    await console.page.locator(".card .title").first.focus()
    await console.page.locator("#pause").focus()
    position = await newest.inner_text()
    await console.wait_until_came(await console.came() + 3)
    assert await newest.inner_text() == position
    await console.page.mouse.move(5, 5)
    await new.wait_for(state="detached")


async def test_keyboard_alone_reaches_and_works_everything(console: ConsolePage) -> None:
    await console.open()
    keyboard = console.page.keyboard
    focused = "document.activeElement.closest('button, input, select, summary, a, [tabindex]')?.textContent"
    await keyboard.press("Tab")
    assert "To the deals" in str(await console.page.evaluate(focused))

    await keyboard.press("p")
    assert await console.page.locator("#pause").get_attribute("aria-pressed") == "true"
    await keyboard.press("?")
    await console.page.locator("dialog[open]").wait_for()
    await keyboard.press("Escape")
    await keyboard.press("/")
    await console.page.locator("#frame-filter:focus").wait_for()

    seen = set()
    for _ in range(120):
        await keyboard.press("Tab")
        seen.add(
            await console.page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
    assert {"pause", "topic", "fault-cut", "Disconnect"} <= seen
