"""What somebody who writes a client does: builds a filter, links to it, copies it as code, writes to Ben."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.e2e.console.console_page import ConsolePage
    from tests.e2e.service import Service

ROOT = Path(__file__).resolve().parents[3]


async def test_filter_of_the_form_replaces_the_subscription_and_is_in_the_link(console: ConsolePage) -> None:
    await console.open()
    page = console.page
    before = page.url
    await page.locator("#add").click()
    await page.get_by_label("Attribute 3", exact=True).fill("inStock")
    await page.get_by_label("Value of inStock").fill("true")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_text("The subscription to all-deals is replaced.")).to_be_visible()

    await page.get_by_role("button", name="JSON").click()
    text = json.loads(await page.locator("#filter-json").input_value())
    assert text == {"category": ["travel", "electronics"], "price": {"lte": 400}, "inStock": True}
    assert "inStock" in page.url
    assert "token" not in page.url
    await console.assert_nothing_lost(more_than=await console.came())

    await page.reload()
    await console.wait_for_state("live")
    await expect(page.locator("#filter-json")).to_have_value(json.dumps(text, indent=2))
    await page.go_back()
    assert page.url == before


async def test_error_of_the_service_stands_at_its_field(console: ConsolePage) -> None:
    await console.open()
    long = "x" * 300
    await console.page.get_by_label("Attribute 1", exact=True).fill("merchant")
    await console.page.get_by_label("Value of merchant").fill(long)
    await console.page.get_by_role("button", name="Apply").click()
    problem = console.page.locator("[id='problem-filters.merchant']")
    await expect(problem).to_contain_text("at most 256")
    await expect(console.page.get_by_label("Value of merchant")).to_have_attribute("aria-invalid", "true")


async def test_link_that_does_not_parse_is_told_and_not_applied(console: ConsolePage) -> None:
    await console.open("#topic=Books&filters=" + quote("{nothing"))
    alert = console.page.get_by_role("alert").filter(has_text="not applied")
    await expect(alert).to_contain_text("topic:")
    await expect(alert).to_contain_text("filters:")
    await expect(console.page.locator(".subscriptions b")).to_have_text("all-deals")


async def test_copied_python_and_javascript_receive_what_the_wish_wants(
    console: ConsolePage, stack: Service, tmp_path: Path
) -> None:
    await console.open("#topic=books&filters=" + quote('{"title":{"contains":"Practice"}}'))
    environment = {**os.environ, "WEBSOCKET_URL": stack.websocket_url, "TOKEN": stack.token("copier")}
    await console.page.get_by_text("Copy as code").click()

    python = await console.page.locator("#snippet").inner_text()
    await console.page.get_by_label("Language").select_option("python")
    await expect(console.page.locator("#snippet")).to_contain_text("asyncio.run")
    javascript, python = python, await console.page.locator("#snippet").inner_text()
    assert "$TOKEN" not in python
    script = tmp_path / "copied.mjs"
    client = (ROOT / "clients/javascript/dist/index.js").as_uri()
    script.write_text(
        f'import WebSocket from "{(ROOT / "clients/javascript/node_modules/ws/wrapper.mjs").as_uri()}";\n'
        "globalThis.WebSocket ??= WebSocket;\n" + javascript.replace('"deals-client"', f'"{client}"', 1)
    )
    for command in ([sys.executable, "-c", python], ["node", str(script)]):
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert b"Practice" in line
        finally:
            process.kill()
            await process.wait()


async def test_demo_person_reads_and_answers_a_message(console: ConsolePage) -> None:
    await console.open()
    await console.page.get_by_role("button", name="Send").click()
    own = console.page.locator(".messages .own").first
    await expect(own).to_contain_text("read ✓✓", timeout=30_000)
    answer = console.page.locator(".messages li:not(.own)", has_text="Yes, let us").first
    await expect(answer).to_be_visible(timeout=30_000)
    await answer.get_by_role("button", name="mark read").click()
    await expect(answer).to_contain_text("read ✓✓")


async def test_frames_of_both_directions_are_filtered_and_saved_without_tokens(console: ConsolePage) -> None:
    await console.open()
    await console.page.locator("#frames > summary").click()
    await console.page.locator("#frame-filter").fill("subscribeToDeals")
    await expect(console.page.locator("#frame-list li.sent").first).to_contain_text("subscribeToDeals")
    async with console.page.expect_download() as download:
        await console.page.get_by_role("button", name="Download NDJSON").click()
    saved = await asyncio.to_thread(Path(await (await download.value).path()).read_text)
    frames = [json.loads(line) for line in saved.splitlines()]
    assert [frame["at"] for frame in frames] == sorted(frame["at"] for frame in frames)
    assert {frame["direction"] for frame in frames} == {"sent", "got"}
    assert "eyJ" not in saved
