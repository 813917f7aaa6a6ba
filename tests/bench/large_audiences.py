"""Planning for millions: memory, invocations, and whether everybody is planned once, in no chunk twice."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from realtime_core.push.planning import decode_job
from tests.bench.report import Ratio, Report

TITLE = "Planning for large audiences"
MEGABYTES = 512
MILLION = 1_000_000


def audiences(million: int) -> dict[str, dict[str, tuple[int, int]]]:
    """What is planned, by name: for each topic the number of its first member, and how many it has.

    In the last, a fifth of the people have the event by both topics.
    """
    return {
        "1 M of one topic": {"books": (0, million)},
        "5 M of one topic": {"books": (0, 5 * million)},
        "5 M of two topics": {"books": (0, 3 * million), "all-deals": (2 * million, 3 * million)},
    }


def plan(audience: dict[str, tuple[int, int]], path: Path) -> dict[str, Any]:
    """Plan an audience in a process of its own, and look at every job."""
    command = [sys.executable, "-m", "tests.bench.large_audience_child", json.dumps(audience), str(path)]
    printed = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    figures: dict[str, Any] = json.loads(printed[-1])  # after its log

    people = bytearray(max(first + members for first, members in audience.values()))
    chunks: Counter[int] = Counter()
    with path.open() as file:
        for head in file:
            job = decode_job(head + next(file))
            chunks[job.chunk] += 1
            for connection_id in job.connection_ids:
                people[int(connection_id[:-1])] += 1
    figures["chunks"] = len(chunks)
    figures["chunks twice"] = sum(times > 1 for times in chunks.values())
    figures["left out"] = people.count(0)
    figures["twice"] = len(people) - people.count(0) - people.count(1)
    return figures


def run(*, quick: bool) -> Report:
    """Plan each audience."""
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, audience in audiences(MILLION // 20 if quick else MILLION).items():
            figures[name] = plan(audience, Path(folder) / "jobs")
    wrong = {
        name: {what: of[what] for what in ("chunks twice", "left out", "twice")}
        for name, of in figures.items()
        if of["chunks twice"] or of["left out"] or of["twice"]
    }
    assert not wrong, wrong

    one, five, two = figures.values()
    return Report(
        TITLE,
        (
            Ratio("512 MB against the peak for 5 M", (MEGABYTES / five["megabytes"],), target=1.0),
            Ratio(
                "512 MB against the peak for 5 M of two topics", (MEGABYTES / two["megabytes"],), target=1.0
            ),
            Ratio(
                "memory for 1 M against 5 M: does not grow",
                (one["megabytes"] / five["megabytes"],),
                target=0.9,
            ),
        ),
        {
            f"{unit}, {name}": (float(of[what]),)
            for name, of in figures.items()
            for what, unit in (
                ("megabytes", "MB at the peak"),
                ("attempts", "invocations of 512 MB"),
                ("processor", "s of a whole processor"),
                ("chunks", "chunks"),
            )
        },
        (
            "everybody was planned once, and no chunk twice, or the bench fails",
            *(["a twentieth of the named sizes, for a taste"] if quick else []),
            "an invocation has 25 s of 0.29 processors; what the HTTP clients cost is not in it",
        ),
    )
