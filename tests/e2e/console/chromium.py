"""The Chromium of this machine, for Playwright: never a downloaded one."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """Return the path of a Chromium. Raises FileNotFoundError that says how to install one."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(
            f"none of {', '.join(NAMES)} is on the PATH, and the console is tested in one: "
            "`apt-get install chromium`, or `brew install --cask chromium`"
        )
    return found
