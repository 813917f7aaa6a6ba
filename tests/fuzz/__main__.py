"""`make fuzz`: reads many inputs of each kind, other ones each time.

A tenth of them is drawn by grammar, the rest by changing bytes. What breaks a reader by grammar is printed in
its shortest form, else as it was; add it to `corpus.json` with its mending.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import resource
import secrets
import sys
import time
import traceback

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.checks import timed
from tests.fuzz.forms import to_bytes
from tests.fuzz.mutation import Mutator, seeds
from tests.fuzz.targets import TARGETS, outcome

GRAMMAR_PART = 10
WARM_PART, GROWN_MB_MAX = 5, 128
"""After a fifth of the inputs what is kept on purpose is there; nothing else may be kept for each input."""
_CHOSEN = re.compile(r"[\d\"'].*")
"""Of a refusal's text: from there on it repeats what the sender chose."""

Counts = collections.Counter[bool]


def main() -> int:
    """Fuzz the readers; print what broke one of them, go on with the next, and return 1 then."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="of all readers together (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of an earlier run")
    parser.add_argument("--reader", choices=TARGETS, action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    names = options.reader or list(TARGETS)
    each = options.cases // len(names)
    print(f"seed {options.seed}", flush=True)

    broken = 0
    for name in names:
        for how, fuzz, cases in (
            ("grammar", by_grammar, each // GRAMMAR_PART),
            ("bytes", by_bytes, each - each // GRAMMAR_PART),
        ):
            counts: Counts = collections.Counter()
            started, processor = time.monotonic(), time.process_time()
            try:
                fuzz(name, cases, options.seed, counts)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                traceback.print_exc()
                broken += 1
            took, used = time.monotonic() - started, time.process_time() - processor
            print(
                f"{name}, by {how}: {counts[True]} accepted, {counts[False]} refused, "
                f"{took:.0f} s, of them {used:.0f} s of processor",
                flush=True,
            )
    if broken:
        print(f"{broken} runs broke a reader: see above", flush=True)
    return bool(broken)


def by_grammar(name: str, cases: int, first: int, counts: Counts) -> None:
    """Read so many examples of the reader's grammar, and count which were accepted."""

    @seed(first)
    @settings(
        max_examples=max(1, cases), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(TARGETS[name].inputs)
    def run(data: object) -> None:
        counts[_read(name, data, len(to_bytes(data))) is None] += 1

    run()


def by_bytes(name: str, cases: int, first: int, counts: Counts) -> None:
    """Read so many inputs made by changing bytes, and count which were accepted."""
    mutator = Mutator(seeds(name, first), random.Random(first))
    form, warm = TARGETS[name].form, 0.0
    for number, data in enumerate(mutator.inputs(cases)):
        if number == cases // WARM_PART:
            warm = memory_mb()
        try:
            refusal = _read(name, form(data), len(data))
        except BaseException:
            print(f"{name}: {data!r}", flush=True)
            raise
        counts[refusal is None] += 1
        mutator.keep(data, _kind(refusal))
    if (grown := memory_mb() - warm) > GROWN_MB_MAX:
        raise MemoryError(f"{name} grew by {grown:.0f} MB while it read {cases} inputs")


def memory_mb() -> float:
    """The most memory that this process has had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)  # of bytes there, of KB here


def _read(name: str, data: object, size: int) -> Exception | None:
    return timed(lambda: outcome(name, data), size)


def _kind(refusal: Exception | None) -> object:
    """What refusals for the same reason have in common."""
    return refusal and (type(refusal), _CHOSEN.sub("", str(refusal))[:100])


if __name__ == "__main__":
    sys.exit(main())
