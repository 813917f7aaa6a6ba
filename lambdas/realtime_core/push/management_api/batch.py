"""One job: every id is posted to, what came of each is noted, and what may pass is tried again in time.

A post whose answer was lost (a reset, half an answer, silence) may have arrived. It is tried again all the
same, since at least once is the promise, and counted; nothing else is ever sent twice.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from selectors import EVENT_READ
from typing import NamedTuple

from realtime_core.aws import backoff
from realtime_core.aws.http_response import Response
from realtime_core.push.management_api.connection import FAULTS, Connection
from realtime_core.push.management_api.pacer import Pacer
from realtime_core.push.management_api.pool import Pool
from realtime_core.push.management_api.verdicts import Outcome, Verdict, verdict_of

SIGNATURE_SECONDS = 10.0
"""How long one time of signing is used; AWS takes it for five minutes."""
BUSY_SECONDS = 0.001
"""A sink that answers within it is kept busy by a few connections, and more of them only cost."""
_DELIVERED: tuple[Verdict, str] = ("delivered", "")

Requests = Callable[[], Callable[[str], bytes]]
"""Gives a function from a connection id to its request, signed as of now."""


class Timeouts(NamedTuple):
    """How long one answer is waited for, and how long it is before an attempt is made again, in seconds."""

    answer_seconds: float = 3.0
    retry_base_seconds: float = 0.05
    retry_cap_seconds: float = 1.0


DEFAULT_TIMEOUTS = Timeouts()


class Job:
    """Requests for distinct ids over a pool, until `deadline` (monotonic seconds).

    Nothing is sent after the deadline, but an answer that is under way is waited for: dropping it would
    repeat the post. So `run` may end up to `patience.answer_seconds` after it.
    """

    def __init__(
        self,
        pool: Pool,
        requests: Requests,
        ids: Sequence[str],
        deadline: float,
        *,
        pacer: Pacer | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._pool = pool
        self._requests = requests
        self._ids = ids
        self._deadline = deadline
        self._pacer = pacer
        self._patience = timeouts
        self._sweep_seconds = min(0.25, timeouts.answer_seconds / 4)
        self._ready = deque(ids)
        self._later: list[tuple[float, int, str]] = []
        self._tries: dict[str, int] = {}
        self._came_of: dict[str, tuple[Verdict, str]] = {}
        self._in_flight = 0
        self.answers_lost = 0
        self.throttled = 0

    def run(self) -> list[Outcome]:
        """What came of each id, in the order given; those for which there was no time are `again`."""
        now = time.monotonic()
        if self._ready and now < self._deadline:
            self._pool.begin(len(self._ready), now)
            try:
                self._run(now)
            finally:
                self._pool.end()
        out_of_time: tuple[Verdict, str] = ("again", "out of time")
        return [(one, *self._came_of.get(one, out_of_time)) for one in self._ids]

    def _run(self, now: float) -> None:
        sweep_at = now
        sign_at = now
        while self._in_flight or ((self._ready or self._later) and now < self._deadline):
            if now >= sign_at:
                self._request = self._requests()
                sign_at = now + SIGNATURE_SECONDS
            if now >= sweep_at:
                for connection in self._pool.overdue(now):
                    self._broken(connection, "no answer in time", now)
                sweep_at = now + self._sweep_seconds
            if now < self._deadline:
                self._dispatch(now)
            events = self._events(now, sweep_at)
            now = time.monotonic()
            for connection, event in events:
                self._happened(connection, event, now)

    def _events(self, now: float, sweep_at: float) -> list[tuple[Connection, int]]:
        """What happened next. Opens more connections where all are busy and answers are slow to come."""
        pool = self._pool
        if self._ready and not pool.idle and pool.may_grow and now < self._deadline:
            events = pool.wait(BUSY_SECONDS if self._in_flight else 0.0)
            if events:
                return events
            pool.open_for(len(self._ready), now)
        return pool.wait(self._pause(now, sweep_at))

    def _pause(self, now: float, sweep_at: float) -> float:
        """How long nothing needs doing unless something happens."""
        until = sweep_at
        if self._later:
            until = min(until, self._later[0][0])
        if not self._in_flight:
            until = min(until, self._deadline)
        if self._ready and now < self._deadline:
            if self._pool.idle and self._pacer is not None:
                until = min(until, now + self._pacer.wait(now))
            elif self._pool.not_before > now:
                until = min(until, self._pool.not_before)
        return max(0.0, until - now)

    def _dispatch(self, now: float) -> None:
        """Give waiting ids to idle connections, as fast as the pacer lets."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        idle = self._pool.idle
        while self._ready and idle:
            if self._pacer is not None and not self._pacer.take(now):
                return
            self._send(idle.pop(), self._ready.popleft(), now)

    def _happened(self, connection: Connection, event: int, now: float) -> None:
        if not connection.is_open:
            if self._pool.go_on_opening(connection, now):
                self._free(connection, now)
            return
        if connection.task is None:
            self._pool.unexpected(connection)
            return
        try:
            if not connection.sent:
                self._flush(connection)
            response = connection.receive() if event & EVENT_READ else None
        except FAULTS as error:
            self._broken(connection, type(error).__name__, now)
            return
        if response is not None:
            self._answered(connection, connection.task, response, now)

    def _flush(self, connection: Connection) -> None:
        interest = connection.interest
        try:
            connection.flush()
        except OSError:
            # Who closes before all was sent has often said why; receiving finds it, or fails alike.
            connection.interest = EVENT_READ
        if connection.interest != interest:
            self._pool.watch(connection)

    def _send(self, connection: Connection, connection_id: str, now: float) -> None:
        connection.task = connection_id
        connection.deadline = now + self._patience.answer_seconds
        self._in_flight += 1
        try:
            connection.send(self._request(connection_id))
        except OSError as error:
            self._broken(connection, type(error).__name__, now)
            return
        if not connection.sent:
            self._pool.watch(connection)

    def _free(self, connection: Connection, now: float) -> None:
        """Use a connection that has nothing to do, or keep it."""
        if self._ready and now < self._deadline and (self._pacer is None or self._pacer.take(now)):
            self._send(connection, self._ready.popleft(), now)
        else:
            self._pool.release(connection, now)

    def _answered(self, connection: Connection, connection_id: str, response: Response, now: float) -> None:
        connection.task = None
        self._in_flight -= 1
        status = response.status
        if self._pacer is not None:
            self._pacer.answered(now, throttled=status == 429)
        if status == 200:
            self._came_of[connection_id] = _DELIVERED
        else:
            verdict, reason = verdict_of(status), f"{status} {response.error_type}".rstrip()
            self.throttled += status == 429
            if verdict == "again":
                self._again(connection_id, reason, now)
            else:
                self._came_of[connection_id] = (verdict, reason)
        # Who finds a body too large often closes without hearing it out: the next post would be lost.
        if response.reusable and status != 413:
            self._free(connection, now)
        else:
            self._pool.drop(connection)

    def _broken(self, connection: Connection, reason: str, now: float) -> None:
        """A connection failed while it was busy: nobody knows whether the post arrived, if all of it left."""
        connection_id, connection.task = connection.task, None
        assert connection_id is not None, "only a busy connection has a deadline"  # noqa: S101
        self._in_flight -= 1
        self.answers_lost += connection.sent
        self._pool.drop(connection)
        self._again(connection_id, reason, now)

    def _again(self, connection_id: str, reason: str, now: float) -> None:
        """Try again after a pause, if there is time for it."""
        retry = self._tries.get(connection_id, 0)
        self._tries[connection_id] = retry + 1
        timeouts = self._patience
        due = now + backoff.delay(retry, timeouts.retry_base_seconds, timeouts.retry_cap_seconds)
        if due < self._deadline:
            heapq.heappush(self._later, (due, len(self._tries), connection_id))
        else:
            self._came_of[connection_id] = ("again", reason)
