"""The janitor's minutes at ten thousand, a hundred thousand and a million connections, and a mass revocation.

The functions' code is the real one, on tables in memory that answer a call after five milliseconds, and on an
API that answers after five and keeps to the pace of the stack's default. The population is in its steady
state: connections of all ages, with tokens that live for an hour and are refreshed after their warnings. A
minute's work is timed, then the clock is moved on by a minute; it fits if it takes less than the run's time.
What the HTTP clients cost is not in it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from janitor.run_report import RunReport
from janitor.share import Share
from realtime_core.connections.base import Connection
from realtime_core.connections.schedule import (
    WARN_AHEAD_SECONDS,
    due_with_token,
    hand_over_at,
    next_due,
    warn_at,
)
from realtime_core.push.base import PostReport, ProbeReport
from tests.bench.report import Ratio, Report
from tests.contract.support.janitor_tables import JanitorTables, build_janitor

TITLE = "The janitor at up to a million connections, simulated"
CALL_SECONDS = 0.005
POSTS_PER_SECOND = 3_000
RUN_SECONDS = 45.0
"""A function's minute without its reserve."""
TOKEN_SECONDS, LIFE_SECONDS = 3_600, 7_200
START = 1_795_382_400
REVOKED_IN_SECONDS = 300


class PacedApi:
    """`ManagementApi` that answers after CALL_SECONDS, at the pace of POSTS_PER_SECOND; all are there."""

    def __init__(self) -> None:
        self.requests = 0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def _take(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count / POSTS_PER_SECOND
            self.requests += count
            wait = self._free_at - now
        time.sleep(max(CALL_SECONDS, wait))

    def post(self, _payload: str, connection_ids: Sequence[str], _budget_seconds: float) -> PostReport:
        """Post to each connection."""
        self._take(len(connection_ids))
        return PostReport(delivered=tuple(connection_ids))

    def probe(self, connection_ids: Sequence[str], _budget_seconds: float) -> ProbeReport:
        """Find that each is there."""
        self._take(len(connection_ids))
        return ProbeReport(alive=tuple(connection_ids))

    def close(self, connection_ids: Sequence[str]) -> tuple[str, ...]:
        """Close each."""
        self._take(len(connection_ids))
        return ()


class Minute(NamedTuple):
    """What one run took."""

    seconds: float
    processor_seconds: float
    calls: int
    requests: int
    report: RunReport


class Deployment:
    """Connections in the steady state, one of `shares` janitors, and the clock."""

    def __init__(self, connections: int, partitions: int = 8) -> None:
        self.tables, self.api, self.now = JanitorTables(CALL_SECONDS, partitions), PacedApi(), START
        self._random, self._number = random.Random(12), 0
        for _ in range(connections):
            self._connect(self._random.uniform(0, LIFE_SECONDS - 400))
        self.tables.sort()
        self.janitor, self.revoker = build_janitor(self.tables, self.api, lambda: self.now, partitions)

    def _connect(self, age: float) -> None:
        """Add a connection of this age: its warnings and its hand-over so far were sent."""
        self._number += 1
        at = self.now - int(age)
        expiry = at + TOKEN_SECONDS * (1 + int((age + WARN_AHEAD_SECONDS) // TOKEN_SECONDS))
        self.tables.put(Connection(f"c{self._number:07}", f"user-{self._number}", at, expiry))
        record, user = self.tables.rows[f"c{self._number:07}"]
        changed = record._replace(handed_over=hand_over_at(record) <= self.now)
        changed = changed._replace(due_at=next_due(changed))
        places = self.tables.index[self.tables.partition_of(record.connection_id)]
        places[-1] = (changed.due_at, record.connection_id)
        self.tables.rows[record.connection_id] = changed, user

    def catch_up(self, share: Share) -> None:
        """Note that all probes and notices are up to date, as after many minutes."""
        for partition in share.partitions(self.tables.partitions):
            progress = {
                "walked_until_ms": {"N": str(self.now * 1000)},
                "notices_until": {"N": str(self.now)},
            }
            self.tables.leases[f"janitor#due#{partition}"] = {"progress": {"M": progress}}

    def refresh(self) -> None:
        """Refresh the tokens of those that were warned, as their clients do at once."""
        rows = self.tables.rows
        for places in self.tables.index.values():
            for number, (due_at, connection_id) in enumerate(places):
                if due_at > self.now + 120:
                    break
                record, user = rows[connection_id]
                if warn_at(record) <= self.now - 60:
                    expiry = record.token_exp + TOKEN_SECONDS
                    due = due_with_token(connection_id, record.connected_at, expiry, self.now)
                    rows[connection_id] = record._replace(token_exp=expiry, due_at=due), user
                    places[number] = (due, connection_id)
            places.sort()

    def minute(self, share: Share) -> Minute:
        """Run the janitor and the revoker once, side by side as the handler does, a minute later."""
        self.now += 60
        self.refresh()
        calls, requests = self.tables.calls.total(), self.api.requests
        started, used, revoked = time.monotonic(), time.process_time(), RunReport()
        holder = f"run-{self.now}"
        revoking = threading.Thread(target=self.revoker.run, args=(RUN_SECONDS, holder, revoked, share))
        revoking.start()
        report = self.janitor.run(RUN_SECONDS, holder, share)
        revoking.join()
        report.add(revoked)
        return Minute(
            time.monotonic() - started,
            time.process_time() - used,
            self.tables.calls.total() - calls,
            self.api.requests - requests,
            report,
        )


def run(*, quick: bool) -> Report:
    """Time minutes at each size; with a tenth of the connections if `quick`."""
    tenth = 10 if quick else 1
    absolutes: dict[str, tuple[float, ...]] = {}
    ratios: list[Ratio] = []
    for name, connections in (("10 k", 10_000), ("100 k", 100_000), ("1 M", 1_000_000)):
        deployment = Deployment(connections // tenth)
        deployment.catch_up(Share())
        minutes = [deployment.minute(Share()) for _ in range(3)][1:]
        absolutes |= _figures(name, minutes)
        ratios.append(
            Ratio(
                f"{name}: a run's time / what it needs", tuple(RUN_SECONDS / m.seconds for m in minutes), 1.0
            )
        )

    revoked = 100_000 // tenth
    for number in range(revoked):
        deployment.tables.revoke(f"user-{number + 1}", deployment.now)
    storm: list[Minute] = []
    while sum(minute.report.revoked for minute in storm) < revoked and len(storm) < 10:
        storm.append(deployment.minute(Share()))
    seconds = 60.0 * (len(storm) - 1) + storm[-1].seconds
    absolutes["1 M, 100,000 users revoked: seconds until the last is closed"] = (seconds,)
    absolutes["1 M, 100,000 users revoked: longest a warning or hand-over was due, s"] = (
        max(minute.report.lag_seconds for minute in storm),
    )
    absolutes["1 M, 100,000 users revoked: probes meanwhile, a minute"] = (
        sum(minute.report.probed for minute in storm) / len(storm),
    )
    ratios.append(
        Ratio(
            "100,000 users revoked: five minutes / time until the last", (REVOKED_IN_SECONDS / seconds,), 1.0
        )
    )
    notes = (
        f"one invocation a minute, {POSTS_PER_SECOND:,} requests a second, {CALL_SECONDS * 1000:g} ms a call",
        *(("a tenth of the connections and of the revoked users",) if quick else ()),
    )
    return Report(TITLE, tuple(ratios), absolutes, notes)


def _figures(name: str, minutes: list[Minute]) -> dict[str, tuple[float, ...]]:
    reports = [minute.report for minute in minutes]
    return {
        f"{name}: seconds a run": tuple(minute.seconds for minute in minutes),
        f"{name}: of them processor": tuple(minute.processor_seconds for minute in minutes),
        f"{name}: calls of DynamoDB": tuple(minute.calls for minute in minutes),
        f"{name}: requests of the API": tuple(minute.requests for minute in minutes),
        f"{name}: notices": tuple(report.warned + report.handed_over for report in reports),
        f"{name}: probes": tuple(report.probed for report in reports),
        f"{name}: longest due, s": tuple(report.lag_seconds for report in reports),
        f"{name}: probes behind, s": tuple(report.probe_lag_seconds for report in reports),
    }
