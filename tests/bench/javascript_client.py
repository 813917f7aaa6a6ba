"""The JavaScript client in Node: frames, memory of subscriptions, and 500 clients that come back.

Beside it: `JSON.parse` alone, a bare `ws` that parses, and centrifuge-js, which gets the same events.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.bench.report import Ratio, Report, Skipped

TITLE = "The JavaScript client"
PACKAGE = Path(__file__).resolve().parents[2] / "clients" / "javascript"
BARE_TARGET = 0.3
"""Of the frames that a bare `ws` takes and parses."""
CENTRIFUGE_TARGET = 1.0


def run(*, quick: bool) -> Report | Skipped:
    """Measure, by the bench of the package. Raises CalledProcessError if it fails."""
    if shutil.which("node") is None or not (PACKAGE / "dist" / "index.js").exists():
        return Skipped(title=TITLE, reason="it is not built: run `make clients/javascript/dist/index.js`")
    command = ["node", "--expose-gc", "bench/frames.mjs", *(["--quick"] if quick else [])]
    printed = subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True, text=True).stdout
    figures: dict[str, Any] = json.loads(printed)
    storm = figures["storm"]
    return Report(
        title=TITLE,
        ratios=(
            Ratio(
                "frames a second, of centrifuge-js", tuple(figures["ofCentrifuge"]), target=CENTRIFUGE_TARGET
            ),
            Ratio("frames a second, of a bare ws", tuple(figures["ofBareSocket"]), target=BARE_TARGET),
            Ratio("frames a second, of JSON.parse alone", tuple(figures["ofParse"])),
        ),
        absolutes={
            "frames a second of a core": tuple(figures["framesPerSecond"]),
            "added to a frame (µs)": tuple(figures["addedMicroseconds"]),
            "a subscription (KB)": (figures["subscriptionKB"],),
            "a subscription of centrifuge-js (KB)": (figures["centrifugeSubscriptionKB"],),
            "500 clients back, 50 admitted a second (s)": (storm["seconds"],),
            "attempts in the busiest second": (storm["busiestSecond"],),
            "attempts of a client": (storm["attemptsOfAClient"],),
        },
        notes=(
            "A frame is an event of 300 bytes for one subscription with two conditions; `ws` is on a socket.",
            "centrifuge-js has no filters and drops no repeats: it does less for a frame.",
            "An event is handed on within the socket's own call: what is added to its latency is that time.",
            "The clients lose their connections at one moment; the time is the clock's, not this machine's.",
        ),
    )
