"""The pictures of the documentation: CONSOLE_SCREENSHOTS=docs writes them there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.console.console_page import ConsolePage

BYTES_MAX = 250_000
DEALS_ON_THE_PICTURE = 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_picture_is_small_enough_for_the_documentation(
    console: ConsolePage, scheme: str, tmp_path: Path
) -> None:
    await console.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await console.open()
    await console.page.get_by_label("Deals a second of the feed").select_option("10")
    await console.wait_until_settled(more_than=DEALS_ON_THE_PICTURE // 2)
    await console.press_fault("cut")
    await console.wait_until_settled(more_than=DEALS_ON_THE_PICTURE)
    await console.wait_for_state("live")
    await console.page.mouse.move(700, 5)

    path = Path(os.environ.get("CONSOLE_SCREENSHOTS", str(tmp_path))) / f"console-{scheme}.png"
    picture = await console.page.screenshot(path=path, animations="disabled")
    assert len(picture) < BYTES_MAX
