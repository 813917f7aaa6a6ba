"""The quick reference, printed: two pages."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.async_api import async_playwright

from tests.e2e.console.chromium import FLAGS, find_chromium

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quick_reference.md"
STYLE = """
body { font: 8.5pt/1.25 "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 14pt; margin: 0 0 4pt; }
code { font: 7.5pt "Liberation Mono", monospace; }
table { border-collapse: collapse; margin: 4pt 0; width: 100%; }
td, th { border: 0.5pt solid #999; padding: 1pt 4pt; text-align: left; vertical-align: top; }
p { margin: 3pt 0; }
"""


async def test_quick_reference_fits_two_pages() -> None:
    body = MarkdownIt("commonmark").enable("table").render(PAGE.read_text("utf-8"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        page = await browser.new_page()
        await page.set_content(f"<style>{STYLE}</style>{body}")
        mm = "12mm"
        printed = await page.pdf(format="A4", margin={"top": mm, "right": mm, "bottom": mm, "left": mm})
        await browser.close()
    assert body.count("<table>") > 3, "tables are rendered"
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 2
