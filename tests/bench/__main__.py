"""Run the benches: `python -m tests.bench [--quick] [NAME...] [--json FILE] [--svg FILE]`.

Each run says what became slower than the committed figures, by ratio. A full run of all benches also writes
the figures and the chart that docs/performance.md shows.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import tests.bench
from local_cloud.isolation import isolate
from realtime_core.telemetry.logs import configure
from tests.bench.chart import chart
from tests.bench.comparison import compare, describe, read_committed
from tests.bench.report import Report, Skipped
from tests.bench.table import table

DOCS = Path(__file__).resolve().parents[2] / "docs"


def find_benches() -> dict[str, ModuleType]:
    """Return every module of this folder that has `run`, by name."""
    benches = {}
    for info in pkgutil.iter_modules(tests.bench.__path__):
        if info.name != "__main__" and not info.ispkg:
            module = importlib.import_module(f"tests.bench.{info.name}")
            if hasattr(module, "run"):
                benches[info.name] = module
    return benches


def describe_machine() -> str:
    """Return the cores, processor, system and Python of this machine."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if "model name" in line
        ]
        model = names[0] if names else model
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.machine()}, {python}"


def main() -> int:
    """Run the named benches, print and write their figures; return 1 if a target was missed."""
    known = find_benches()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(known)}; all by default"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rounds and small runs, to check that the benches work"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--svg", type=Path, help="write the chart here")
    arguments = parser.parse_args()
    isolate()
    configure(level="WARNING")  # as the functions that are started have it
    if unknown := set(arguments.names) - set(known):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if not arguments.names and not arguments.quick:
        arguments.json = arguments.json or DOCS / "benchmarks.json"
        arguments.svg = arguments.svg or DOCS / "benchmarks.svg"

    committed = read_committed(DOCS / "benchmarks.json")
    print(f"On {describe_machine()}\n", flush=True)
    reports: dict[str, Report] = {}
    missed = False
    for name in arguments.names or known:
        outcome = known[name].run(quick=arguments.quick)
        if isinstance(outcome, Skipped):
            print(f"{outcome.title}: not run. {outcome.reason}\n", flush=True)
            continue
        reports[name] = outcome
        print(table(outcome), flush=True)
        missed |= any(ratio.met is False for ratio in outcome.ratios)

    print(describe(compare(reports, committed)), flush=True)
    if arguments.json:
        figures = {name: asdict(report) for name, report in reports.items()}
        text = json.dumps(
            {"machine": describe_machine(), "quick": arguments.quick, "benches": figures}, indent=2
        )
        arguments.json.write_text(text + "\n")
    if arguments.svg:
        arguments.svg.write_text(chart(reports.values(), describe_machine()))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
