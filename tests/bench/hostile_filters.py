"""Matching and publishing one event while users do all they can to make that dear."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from statistics import median
from time import process_time
from typing import Any

from broadcast.filter_index import FilterIndex
from realtime_core.aws.client import client
from realtime_core.filters.filters import weight_of
from realtime_core.subscriptions.base import TOPIC_FILTERS_MAX, Group
from realtime_core.subscriptions.dynamodb_members import DynamoMembers
from tests.bench.members import serve_members
from tests.bench.report import Ratio, Report
from tests.hostile_filters import NOW, TESTED, evaluated_to_the_end, group, hostile_event, none_of_texts
from tests.hostile_users import HostileUsers

TITLE = "One event against hostile filters"
ROUNDS = 7
SECONDS_MAX = 0.05
BYTES_MAX = 512 * 1024 * 1024
GROUPS = 2_070
"""What ten users list who do nothing else (`message_router.action_limits.NEW_FILTERS`)."""
LONG = "lorem ipsum dolor sit amet " * 4_000
"""A title of 108 KB."""


def run(*, quick: bool) -> Report:
    """Match an event against full topics of each shape, and publish one after an attack of three hours."""
    count, rounds = (1_000, 2) if quick else (TOPIC_FILTERS_MAX, ROUNDS)
    absolutes: dict[str, tuple[float, ...]] = {}
    slowest: tuple[float, ...] = ()
    for shape in TESTED:
        index = FilterIndex()
        for number in range(count):
            index.add(group(shape(number), number))
        first, *again = [_seconds(lambda: index.match(hostile_event())) for _ in range(rounds + 1)]  # noqa: B023
        absolutes[f"{shape.__name__}: first event of a process (ms)"] = (first * 1000,)
        absolutes[f"{shape.__name__}: each later one (ms)"] = tuple(seconds * 1000 for seconds in again)
        if not slowest or median(again) > median(slowest):
            slowest = tuple(again)

    longest = _match_long_text(count, rounds)
    users, peak = _attack(600 if quick else 3 * 60 * 60)
    published = _publish(users, rounds)
    taken = _taken(count)
    by_statements, by_queries = _read_small_groups(rounds)
    absolutes |= {
        "as many texts as a topic takes, title of 108 KB (ms)": tuple(seconds * 1000 for seconds in longest),
        "after the attack: publishing (ms)": tuple(seconds * 1000 for seconds in published),
        "after the attack: filters listed": (users.listed(),),
        "a full topic, kept and matched (MB)": (taken / 1e6,),
        "after the attack: most memory of an event (MB)": (peak / 1e6,),
        f"members of {GROUPS:,} groups of one (ms)": tuple(seconds * 1000 for seconds in by_statements),
        "the same by queries (ms)": tuple(seconds * 1000 for seconds in by_queries),
    }
    return Report(
        title=TITLE,
        ratios=(
            Ratio("50 ms of processor against the dearest shape", _against(slowest), 1),
            Ratio("50 ms of processor against texts to search in 108 KB", _against(longest), 1),
            Ratio("50 ms of processor against publishing after the attack", _against(published), 1),
            Ratio(f"50 ms of processor against {GROUPS:,} groups of one", _against(by_statements), 1),
            Ratio("512 MB against a full topic of the largest filters", (BYTES_MAX / taken,), 1),
        ),
        absolutes=absolutes,
        notes=(
            f"{count:,} filters of each shape, none of which matches; then ten users at their limits.",
            "The first event of a process compiles what it tests. The last two rows alone call DynamoDB,",
            "over TLS, with answers after 3 ms; these groups match everything.",
        ),
    )


def _match_long_text(count: int, rounds: int) -> tuple[float, ...]:
    """Match an event with a long title against as many filters that search it as a topic takes."""
    index = FilterIndex()
    weight = number = 0
    while True:
        item = group(none_of_texts(number), number)
        number, weight = number + 1, weight + weight_of(item.filter)
        if weight > count:
            break
        index.add(item)
    index.match(hostile_event(LONG))
    # Another text for each event, as what was found out about one is kept for as long as it is matched.
    events = [hostile_event(f"{number} {LONG}") for number in range(rounds)]
    return tuple(_seconds(lambda: index.match(event)) for event in events)  # noqa: B023


def _attack(seconds: int) -> tuple[HostileUsers, int]:
    """Let ten users attack, then publish for the first time; return the most memory that took, in bytes."""
    logging.disable(logging.WARNING)
    users: Any = HostileUsers(10)
    users.attack(seconds)
    gc.collect()
    tracemalloc.start()
    users.publish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return users, peak


def _publish(users: Any, rounds: int) -> tuple[float, ...]:
    seconds = []
    for _ in range(rounds):
        users.now += 1
        seconds.append(_seconds(users.publish))
    return tuple(seconds)


def _read_small_groups(rounds: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Read the members of as many groups as hostile users list, in turn by statements and by queries."""
    groups = [Group(f"{number:020x}", "all-deals", f'{{"x":{number}}}') for number in range(GROUPS)]
    together, alone = [], []
    with serve_members(1, milliseconds=3) as url:
        reader = DynamoMembers(client("dynamodb", endpoint_url=url), "subscriptions")

        def read() -> None:
            assert sum(len(ids) for _, ids in reader.of_groups(groups, NOW)) == GROUPS

        def query() -> None:
            assert sum(len(page.connection_ids) for page in reader.pages(groups, NOW)) == GROUPS

        read(), query()
        for _ in range(rounds):
            together.append(_seconds(read))
            alone.append(_seconds(query))
    return tuple(together), tuple(alone)


def _taken(count: int) -> int:
    """What a full topic of filters of 3.7 KB takes once all are compiled, their texts included."""
    groups = [group(evaluated_to_the_end(number), number) for number in range(count)]
    tracemalloc.start()
    index = FilterIndex()
    for item in groups:
        index.add(item)
    index.match(hostile_event())
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] + sum(len(item.filter) + 50 for item in groups)
    tracemalloc.stop()
    return taken


def _against(seconds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(SECONDS_MAX / value for value in seconds)


def _seconds(call: Any) -> float:
    started = process_time()
    call()
    return process_time() - started
