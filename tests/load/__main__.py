"""`make load`: connections and events on a local cloud, with who used the machine (docs/load.md)."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from typing import TYPE_CHECKING

from local_cloud.isolation import isolate
from local_cloud.stack import running_stack
from tests.load.artillery import artillery
from tests.load.scenarios import SCENARIOS, Load, Size

if TYPE_CHECKING:
    from local_cloud.stack import Stack
    from tests.load.scenarios import Figures

DESCRIPTORS = 65_536


def main() -> int:
    """Run the named scenarios, print their figures as JSON, and return 1 if a client lost anything."""
    known = [*SCENARIOS, "artillery"]
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(known)}; all by default"
    )
    parser.add_argument("--connections", type=int, default=40, help="(default: 40)")
    parser.add_argument("--seconds", type=float, default=20, help="of traffic in each scenario (default: 20)")
    parser.add_argument("--events", type=float, default=2, help="a second (default: 2)")
    parser.add_argument(
        "--topics", type=int, default=100, help="of `steady` and `many-topics` (default: 100)"
    )
    parser.add_argument(
        "--concurrency", type=int, default=20, help="handshakes and requests at once (default: 20)"
    )
    parser.add_argument("--port", type=int, help="of the local cloud (default: LOCAL_CLOUD_PORT or 4566)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    isolate()
    _allow_descriptors()
    size = Size(options.connections, options.seconds, options.events, options.topics, options.concurrency)
    with running_stack(print, options.port) as stack:
        losses = [name for name in options.names or known if not _run(name, stack, size)]
    if losses:
        print(f"something was lost in {', '.join(losses)}", flush=True)
    return bool(losses)


def _run(name: str, stack: Stack, size: Size) -> bool:
    started = time.monotonic()
    load = Load(stack, size)
    figures: Figures = artillery(load) if name == "artillery" else asyncio.run(SCENARIOS[name](load))
    took = round(time.monotonic() - started, 1)
    report = {
        "scenario": name,
        **size._asdict(),
        "took_s": took,
        **figures,
        **load.publishing(),
        "use": load.use(),
    }
    print(json.dumps(report), flush=True)
    return not figures["missing"] and not figures["dropped" if name != "storm" else "missing"]


def _allow_descriptors() -> None:
    """Let this process and the cloud that it starts have a socket for each connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


if __name__ == "__main__":
    sys.exit(main())
