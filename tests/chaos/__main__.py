"""Run chaos on a local cloud for as long as asked: `python -m tests.chaos [--minutes 10] [--seed 7]`."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from typing import TYPE_CHECKING

from local_cloud.isolation import isolate
from local_cloud.stack import running_stack
from tests.chaos.run import ChaosRun
from tests.e2e.logs import Logs
from tests.e2e.service import Service

if TYPE_CHECKING:
    from tests.chaos.report import Report

SEEDS = 1_000_000
LOGS_BACK_MS = 24 * 60 * 60 * 1000
EXPLAINED_MAX = 3


def print_logs(service: Service, report: Report) -> None:
    """Print what the functions that publish and post logged of the first events that are missing."""
    logs = Logs(service, back_ms=LOGS_BACK_MS)
    for event_id in report.missing[:EXPLAINED_MAX]:
        for function in ("broadcast", "delivery"):
            for line in logs.read_lines(function, event_id):
                print(f"{function}: {line}", flush=True)


def main() -> int:
    """Run, print the report, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long there is trouble (default: 5)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(SEEDS), help="of load and trouble")
    parser.add_argument("--port", type=int, help="of the local cloud (default: LOCAL_CLOUD_PORT or 4566)")
    arguments = parser.parse_args()
    isolate()

    with running_stack(print, arguments.port) as stack:
        print(f"chaos: seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
        service = Service(stack)
        report = asyncio.run(ChaosRun(service, arguments.seed).run(60 * arguments.minutes))
        print(report, flush=True)
        print_logs(service, report)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
