"""Matching one event while ten users do all they can to make that dear."""

from __future__ import annotations

import gc
import tracemalloc
from time import process_time

from broadcast.filter_index import FilterIndex
from tests.bench.report import Ratio, Report
from tests.hostile_filters import attack, evaluated_to_the_end, everything_holds, group

TITLE = "One event against what ten users list in three hours at their limit"
ROUNDS = 7
SECONDS_MAX = 0.05
BYTES_MAX = 512 * 1024 * 1024


def run(*, quick: bool) -> Report:
    """Match an event that no condition of these filters but the last refuses (three hours are simulated)."""
    count = attack(users=10, seconds=600 if quick else 3 * 60 * 60)
    groups = [group(evaluated_to_the_end(number), number) for number in range(count)]
    event = everything_holds()

    tracemalloc.start()
    index = FilterIndex()
    for item in groups:
        index.add(item)
    index.match(event)
    gc.collect()
    # The texts were there before; in a function they are the index's own.
    taken = tracemalloc.get_traced_memory()[0] + sum(len(item.filter) + 50 for item in groups)
    tracemalloc.stop()

    seconds = []
    for _ in range(2 if quick else ROUNDS):
        started = process_time()
        index.match(event)
        seconds.append(process_time() - started)

    return Report(
        title=TITLE,
        ratios=(
            Ratio("50 ms of processor against the match", tuple(SECONDS_MAX / value for value in seconds), 1),
            Ratio("512 MB against what the filters take", (BYTES_MAX / taken,), 1),
        ),
        absolutes={
            "match, every condition tested (ms)": tuple(value * 1000 for value in seconds),
            "a filter in the index (bytes)": (taken / count,),
        },
        notes=(f"{count:,} filters of 3.7 KB, twenty lists each; none of them can be skipped.",),
    )
