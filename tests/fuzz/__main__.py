"""`make fuzz`: reads many inputs of each kind, other ones each time.

What breaks a reader is printed in its shortest form; add it to `corpus.json` with its mending.
"""

from __future__ import annotations

import argparse
import collections
import secrets
import time

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.targets import TARGETS, call


def main() -> None:
    """Fuzz the readers; raises what one of them raised."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="of all readers together (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of an earlier run")
    parser.add_argument("--reader", choices=TARGETS, action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    names = options.reader or list(TARGETS)
    print(f"seed {options.seed}", flush=True)
    for name in names:
        started = time.monotonic()
        counts = _fuzz(name, options.cases // len(names), options.seed)
        took = time.monotonic() - started
        print(f"{name}: {counts[True]} accepted, {counts[False]} refused, {took:.0f} s", flush=True)


def _fuzz(name: str, cases: int, first: int) -> collections.Counter[bool]:
    counts: collections.Counter[bool] = collections.Counter()

    @seed(first)
    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(TARGETS[name].inputs)
    def run(data: object) -> None:
        counts[call(name, data)] += 1

    run()
    return counts


if __name__ == "__main__":
    main()
