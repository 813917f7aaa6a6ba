"""`make bench-posting`: the posting engine against what else could post, in turn, on one core each.

Each variant is a process of its own (`posters.py`, `posters.mjs`), which opens its connections before it
measures. Figures are ratios within a round; a round begins with another variant each time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from tests.bench.__main__ import describe_machine
from tests.bench.posting import CREDENTIALS, PAYLOAD_BYTES, SLOW
from tests.bench.report import Ratio, Report
from tests.bench.sink import Sink, missing, on_first_core, sink
from tests.bench.table import table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".tools" / "rivals" / "bin" / "python"

COUNTS = {
    "engine": 20_000,
    "libcurl-our-signer": 10_000,
    "libcurl": 8_000,
    "awscrt": 4_000,
    "aws-sdk-js": 2_000,
    "boto3-50-threads": 800,
    "boto3": 400,
}
"""What each posts in a round: about as long as the others at the service's immediate answers."""
CONNECTIONS = {"at once": 64, SLOW: 400}


class Place(NamedTuple):
    """Where to post, over how many connections."""

    name: str
    endpoint: str
    connections: int


class Measured(NamedTuple):
    """One run: posts a second, and microseconds of processor for each."""

    rate: float
    cpu_us: float


def main() -> int:
    """Measure all variants; return 1 without what the bench needs."""
    parser = argparse.ArgumentParser(prog="make bench-posting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two rounds of few posts, to see that it works")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return 1

    print(f"On {describe_machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, sink(Path(folder)) as to, on_first_core():
        reports = [
            _measure(to, place, 2 if options.quick else options.rounds, 20 if options.quick else 1)
            for place in _places(to)
        ]
    for report in reports:
        print(table(report), flush=True)
    if options.json:
        figures = {"machine": describe_machine(), "benches": [asdict(report) for report in reports]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


def _places(to: Sink) -> list[Place]:
    places = [Place("at once", to.at_once, CONNECTIONS["at once"])]
    return [*places, Place(SLOW, to.slow, CONNECTIONS[SLOW])] if to.slow else places


def _measure(to: Sink, place: Place, rounds: int, fewer: int) -> Report:
    variants = list(COUNTS)
    found: dict[str, list[Measured]] = {name: [] for name in variants}
    for turn in range(rounds):
        first = turn % len(variants)
        for name in (*variants[first:], *variants[:first]):
            found[name].append(_run(to, place, name, COUNTS[name] // fewer))

    engine = found["engine"]
    ratios = [
        Ratio(f"engine / {name}, {what}", tuple(one / two for one, two in zip(ours, theirs, strict=True)))
        for name in variants[1:]
        for what, ours, theirs in (
            ("rate", [one.rate for one in engine], [one.rate for one in found[name]]),
            ("CPU", [1 / one.cpu_us for one in engine], [1 / one.cpu_us for one in found[name]]),
        )
    ]
    absolutes = {f"{name}, posts/s": tuple(one.rate for one in runs) for name, runs in found.items()}
    absolutes |= {f"{name}, CPU us a post": tuple(one.cpu_us for one in runs) for name, runs in found.items()}
    title = f"Posting over TLS, one core, answers {place.name}, {place.connections} connections"
    return Report(title, tuple(ratios), absolutes)


def _run(to: Sink, place: Place, name: str, count: int) -> Measured:
    program = ["node", HERE / "posters.mjs"]
    if name != "aws-sdk-js":
        python = Path(sys.executable) if name == "engine" else PYTHON
        program = [python, HERE / "posters.py", name]
    command = [*program, place.endpoint, str(count), str(place.connections), str(PAYLOAD_BYTES)]
    environment = os.environ | CREDENTIALS | {
        "AWS_CA_BUNDLE": str(to.certificate),
        "PYTHONPATH": str(ROOT / "lambdas"),
    }  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    figures = json.loads(done.stdout)
    assert figures["reached"] == count, f"{name} reached {figures['reached']} of {count}"
    return Measured(count / figures["seconds"], 1e6 * figures["cpu_seconds"] / count)


if __name__ == "__main__":
    sys.exit(main())
