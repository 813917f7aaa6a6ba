"""The console in a browser, as its tests use it."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Page

AXE = Path(__file__).resolve().parents[3] / "clients" / "console" / "node_modules" / "axe-core" / "axe.min.js"
STATE_SECONDS = 60.0
QUIET_SECONDS = 90.0
"""How long late deals may take: as long as the page itself waits before it calls one lost."""


class ConsolePage:
    """A page with the console; `messages` has what the browser's console was told."""

    def __init__(self, page: Page, origin: str, path: str = "/console/") -> None:
        self.page, self.url = page, f"{origin}{path}"
        self.messages: list[str] = []
        page.on("console", lambda message: self.messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.messages.append(f"error: {error}"))

    async def open(self, link: str = "") -> None:
        """Open the console, by a deep link or without, and wait until it is live."""
        await self.page.goto(self.url + link)
        await self.wait_for_state("live")

    async def state(self) -> str:
        """Return the word for the state that the page shows."""
        return (await self.page.locator("#state strong").inner_text()).lower()

    async def wait_for_state(self, *states: str, seconds: float = STATE_SECONDS) -> str:
        """Wait until the page is in one of the states; return it."""
        deadline = time.monotonic() + seconds
        seen: list[str] = []
        while time.monotonic() < deadline:
            state = await self.state() if await self.page.locator("#state").count() else "nothing"
            if state in states:
                return state
            seen += [state] if seen[-1:] != [state] else []
            await asyncio.sleep(0.03)
        raise AssertionError(f"never {' or '.join(states)}: {seen}; {self.messages}")

    async def count(self) -> dict[str, str]:
        """Return the figures of the sentence by their names."""
        figures = await self.page.locator("#sentence .figure").all_inner_texts()
        found = [re.fullmatch(r"(.+?) ([\d,]+|[\d.]+ m?s|\u2013)", figure.strip()) for figure in figures]
        return {match[1]: match[2].replace(",", "") for match in found if match}

    async def wait_until_settled(self, more_than: int = 0) -> dict[str, str]:
        """Wait until more than so many deals have come and none is on its way; return the sentence."""
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            counts = await self.count()
            if int(counts.get("came", 0)) > more_than and "on their way" not in counts:
                return counts
            await asyncio.sleep(0.1)
        raise AssertionError(f"not settled: {await self.count()}")

    async def assert_nothing_lost(self, more_than: int = 0) -> None:
        """After more deals the sentence says: as many came as were expected, none lost, none unwanted."""
        counts = await self.wait_until_settled(more_than)
        assert counts["lost"] == "0", counts
        assert counts["expected"] == counts["came"], counts
        assert "not wanted" not in counts, counts

    async def came(self) -> int:
        """Return how many deals of the feed have come."""
        return int((await self.count()).get("came", 0))

    async def wait_until_came(self, count: int, seconds: float = 300) -> None:
        """Wait until so many deals of the feed have come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await self.came() >= count:
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"only {await self.count()}")

    async def press_fault(self, name: str) -> None:
        """Press the button of a fault."""
        await self.page.locator(f"#fault-{name}").click()

    async def find_violations(self) -> list[str]:
        """Return what axe finds wrong with the page as it is."""
        await self.page.evaluate(AXE.read_text())
        found: Any = await self.page.evaluate(
            "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })"
        )
        return [
            f"{violation['id']}: {node['html'][:200]} ({node['failureSummary']})"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    async def find_clipped(self) -> list[str]:
        """Return the controls that reach out of the window at a side, so that no scrolling shows them."""
        script = """() => [...document.querySelectorAll("button, input, select, textarea, summary")]
            .filter((one) => one.checkVisibility() && !one.closest(".hidden, .scroll, .list"))
            .filter((one) => {
                const { left, right } = one.getBoundingClientRect();
                return left < 0 || right > document.documentElement.clientWidth;
            })
            .map((one) => one.outerHTML.slice(0, 100))"""
        clipped: list[str] = await self.page.evaluate(script)
        return clipped

    async def scrolls_sideways(self) -> bool:
        """Return whether the page is wider than the window."""
        wide: bool = await self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide
