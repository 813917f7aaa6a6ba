"""One batch of posts: sends a request for each id, records the results, and retries what may succeed in time.

A post whose response was lost (a reset, half a response, silence) may have arrived. It is retried, since
delivery is at least once, and counted; nothing else is ever sent twice.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from selectors import EVENT_READ
from typing import NamedTuple

from realtime_core.aws import backoff
from realtime_core.aws.http_response import HttpResponse
from realtime_core.push.management_api.connection import FAULTS, Connection
from realtime_core.push.management_api.pacer import Pacer
from realtime_core.push.management_api.pool import Pool
from realtime_core.push.management_api.verdicts import UNTRIED, Outcome, Verdict, verdict_of

SIGNATURE_SECONDS = 10.0
"""How long the timestamp of a signature is used; AWS accepts it for five minutes."""
BUSY_SECONDS = 0.001
"""An endpoint that responds within this time is kept busy by a few connections, and more only cost time."""
_DELIVERED: tuple[Verdict, str] = ("delivered", "")

PostId = tuple[int, str]
"""The number of a payload, and the connection id that it goes to."""
PrepareRequests = Callable[[], Sequence[Callable[[str], bytes]]]
"""Returns for each payload a function from a connection id to its request, signed as of now."""


class Timeouts(NamedTuple):
    """How long to wait for one response, and the pauses between attempts, in seconds."""

    answer_seconds: float = 3.0
    retry_base_seconds: float = 0.05
    retry_cap_seconds: float = 1.0


DEFAULT_TIMEOUTS = Timeouts()


class PostBatch:
    """Requests over a pool until `deadline` (monotonic seconds): for each payload the ids that it goes to.

    Nothing is sent after the deadline, but `run` waits for responses that are under way, since dropping one
    would repeat its post. So it may end up to `timeouts.answer_seconds` after the deadline.
    """

    def __init__(
        self,
        pool: Pool,
        prepare: PrepareRequests,
        ids: Sequence[Sequence[str]],
        deadline: float,
        *,
        pacer: Pacer | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._pool = pool
        self._prepare = prepare
        self._ids = [list(dict.fromkeys(of_payload)) for of_payload in ids]
        self._deadline = deadline
        self._pacer = pacer
        self._timeouts = timeouts
        self._sweep_seconds = min(0.25, timeouts.answer_seconds / 4)
        self._ready: deque[PostId] = deque(
            (number, item) for number, of_payload in enumerate(self._ids) for item in of_payload
        )
        # A heap of (due, number, id): the number keeps equal times in the order of their failures.
        self._retries: list[tuple[float, int, PostId]] = []
        self._attempts: dict[PostId, int] = {}
        self._results: dict[PostId, tuple[Verdict, str]] = {}
        self._in_flight = 0
        self.answers_lost = [0] * len(ids)
        self.throttled = [0] * len(ids)

    def run(self) -> None:
        """Send the requests, and wait for their responses."""
        now = time.monotonic()
        if self._ready and now < self._deadline:
            self._pool.begin(len(self._ready), now)
            try:
                self._run(now)
            finally:
                self._pool.end()

    def outcomes(self) -> list[list[Outcome]]:
        """Each payload's outcomes, an id each in the order given; `retry` where time ran out."""
        return [
            [
                (item, *(self._results.get((number, item)) or self._out_of_time((number, item))))
                for item in ids
            ]
            for number, ids in enumerate(self._ids)
        ]

    def _out_of_time(self, post: PostId) -> tuple[Verdict, str]:
        # Where nobody can be reached, that is what is tried.
        tried = post in self._attempts or self._pool.failures
        return "retry", "out of time" if tried else UNTRIED

    def _run(self, now: float) -> None:
        sweep_at = now
        sign_at = now
        while self._in_flight or ((self._ready or self._retries) and now < self._deadline):
            if now >= sign_at:
                self._requests = self._prepare()
                sign_at = now + SIGNATURE_SECONDS

            if now >= sweep_at:
                for connection in self._pool.overdue(now):
                    connection.may_be_stale = False  # it may as well be slow
                    self._fail(connection, "no answer in time", now)
                sweep_at = now + self._sweep_seconds

            if now < self._deadline:
                self._dispatch(now)
            events = self._wait_for_events(now, sweep_at)
            now = time.monotonic()
            for connection, event in events:
                self._handle_event(connection, event, now)

    def _wait_for_events(self, now: float, sweep_at: float) -> list[tuple[Connection, int]]:
        """Wait for the next events. Opens more connections where all are busy and responses are slow."""
        pool = self._pool
        if self._ready and not pool.idle and pool.may_grow and now < self._deadline:
            events = pool.wait(BUSY_SECONDS if self._in_flight else 0.0)
            if events:
                return events
            pool.open_for(len(self._ready), now)
        return pool.wait(self._pause(now, sweep_at))

    def _pause(self, now: float, sweep_at: float) -> float:
        """Return how long there is nothing to do unless an event comes, in seconds."""
        until = sweep_at
        if self._retries:
            until = min(until, self._retries[0][0])
        if not self._in_flight:
            until = min(until, self._deadline)
        if self._ready and now < self._deadline:
            if self._pool.idle and self._pacer is not None:
                until = min(until, now + self._pacer.wait(now))
            elif self._pool.not_before > now:
                until = min(until, self._pool.not_before)
        return max(0.0, until - now)

    def _dispatch(self, now: float) -> None:
        """Send requests over idle connections, as fast as the pacer allows."""
        while self._retries and self._retries[0][0] <= now:
            self._ready.append(heapq.heappop(self._retries)[2])
        idle = self._pool.idle
        while self._ready and idle:
            if self._pacer is not None and not self._pacer.take(now):
                return
            self._send(idle.pop(), self._ready.popleft(), now)

    def _handle_event(self, connection: Connection, event: int, now: float) -> None:
        if not connection.is_open:
            if self._pool.continue_opening(connection, now):
                self._reuse(connection, now)
            return
        if connection.recipient is None:
            self._pool.check_idle(connection)
            return

        try:
            if not connection.sent:
                self._flush(connection)
            response = connection.receive() if event & EVENT_READ else None
        except FAULTS as error:
            self._fail(connection, type(error).__name__, now)
            return
        if response is not None:
            self._handle_response(connection, connection.recipient, response, now)

    def _flush(self, connection: Connection) -> None:
        interest = connection.interest
        try:
            connection.flush()
        except OSError:
            # A server that closes before it has read everything has often responded: receiving tells.
            connection.interest = EVENT_READ
        if connection.interest != interest:
            self._pool.watch(connection)

    def _send(self, connection: Connection, post: PostId, now: float) -> None:
        connection.recipient = post
        connection.deadline = now + self._timeouts.answer_seconds
        self._in_flight += 1
        try:
            number, connection_id = post
            connection.send(self._requests[number](connection_id))
        except OSError as error:
            self._fail(connection, type(error).__name__, now)
            return
        if not connection.sent:
            self._pool.watch(connection)

    def _reuse(self, connection: Connection, now: float) -> None:
        """Send the next request over a free connection, or return it to the pool."""
        if self._ready and now < self._deadline and (self._pacer is None or self._pacer.take(now)):
            self._send(connection, self._ready.popleft(), now)
        else:
            self._pool.release(connection)

    def _handle_response(
        self, connection: Connection, post: PostId, response: HttpResponse, now: float
    ) -> None:
        connection.recipient = None
        self._in_flight -= 1
        status = response.status
        if self._pacer is not None:
            self._pacer.record(now, throttled=status == 429)

        if status == 200:
            self._results[post] = _DELIVERED
        else:
            verdict, reason = verdict_of(status), f"{status} {response.error_type}".rstrip()
            self.throttled[post[0]] += status == 429
            if verdict == "retry":
                self._retry(post, reason, now)
            else:
                self._results[post] = (verdict, reason)

        # A server that refuses a large body often closes without reading it: the next post would be lost.
        if response.reusable and status != 413:
            self._reuse(connection, now)
        else:
            self._pool.drop(connection)

    def _fail(self, connection: Connection, reason: str, now: float) -> None:
        """Drop a busy connection that failed. Its post may have arrived if all of it was sent.

        Where the connection ended while it was idle, that is no attempt: the post goes out again at once.
        Each such failure uses up one of the connections that were idle, so it is not for ever.
        """
        post, connection.recipient = connection.recipient, None
        assert post is not None, "only a busy connection has a deadline"  # noqa: S101
        self._in_flight -= 1
        self.answers_lost[post[0]] += connection.sent
        self._pool.drop(connection)
        if connection.may_be_stale:
            self._ready.appendleft(post)
        else:
            self._retry(post, reason, now)

    def _retry(self, post: PostId, reason: str, now: float) -> None:
        """Schedule another attempt after a pause, if there is time for it."""
        retry = self._attempts.get(post, 0)
        self._attempts[post] = retry + 1
        timeouts = self._timeouts
        due = now + backoff.delay(retry, timeouts.retry_base_seconds, timeouts.retry_cap_seconds)
        if due < self._deadline:
            heapq.heappush(self._retries, (due, len(self._attempts), post))
        else:
            self._results[post] = ("retry", reason)
