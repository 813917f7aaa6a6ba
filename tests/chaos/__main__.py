"""Run chaos on a local cloud for as long as asked: `python -m tests.chaos [--minutes 10] [--seed 7]`."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys

from local_cloud.stack import running_stack
from tests.chaos.run import ChaosRun
from tests.e2e.service import Service

SEEDS = 1_000_000


def main() -> int:
    """Run, print the report, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long there is trouble (default: 5)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(SEEDS), help="of load and trouble")
    parser.add_argument("--port", type=int, help="of the local cloud (default: LOCAL_CLOUD_PORT or 4566)")
    arguments = parser.parse_args()

    with running_stack(print, arguments.port) as stack:
        print(f"chaos: seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
        report = asyncio.run(ChaosRun(Service(stack), arguments.seed).run(60 * arguments.minutes))
        print(report, flush=True)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
