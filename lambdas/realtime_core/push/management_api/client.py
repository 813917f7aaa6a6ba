"""API Gateway's management API: posting to connections, probing and closing them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from realtime_core.aws.credentials import credentials, region
from realtime_core.aws.endpoint import Endpoint
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import PostReport, ProbeReport
from realtime_core.push.management_api.batch import DEFAULT_TIMEOUTS, PostBatch, Timeouts
from realtime_core.push.management_api.pacer import BURST_SECONDS, Pacer
from realtime_core.push.management_api.pool import Pool
from realtime_core.push.management_api.requests import ConnectionRequests, Method
from realtime_core.push.management_api.verdicts import probe_report, report
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

CLOSE_BUDGET_SECONDS = 5.0


class ManagementApiClient:
    """`ManagementApi` on API Gateway's management API.

    `endpoint_url` is `https://API.execute-api.REGION.amazonaws.com/STAGE`. `posts_per_second` is this
    instance's share of the account's request budget, of which what `burst_seconds` bring may be posted at
    once; None leaves pacing to the caller. A call may exceed its
    time budget by `timeouts.answer_seconds`, since it waits for responses that are under way.
    """

    def __init__(
        self,
        endpoint_url: str,
        *,
        posts_per_second: float | None = None,
        burst_seconds: float = BURST_SECONDS,
        connect_timeout: float = 1.0,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._endpoint = Endpoint.of(endpoint_url)
        self._connect_timeout = connect_timeout
        self._pool = Pool(self._endpoint, connect_timeout)
        self._pacer = None if posts_per_second is None else Pacer(posts_per_second, burst_seconds)
        self._timeouts = timeouts
        self._requests: ConnectionRequests | None = None
        self._lock = threading.Lock()

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post one payload to each connection, with retries inside the time budget; one id never raises."""
        (posted,) = self.post_all([(payload, connection_ids)], budget_seconds)
        return posted

    def post_all(self, posts: Sequence[tuple[str, Sequence[str]]], budget_seconds: float) -> list[PostReport]:
        """Post payloads, each to its connections, side by side and the first ones first; as `post`."""
        batch = self._run(
            "POST", [(payload.encode(), connection_ids) for payload, connection_ids in posts], budget_seconds
        )
        outcomes = batch.outcomes()
        return [
            report(
                outcomes[number],
                answers_lost=batch.answers_lost[number],
                throttled=batch.throttled[number],
            )
            for number in range(len(posts))
        ]

    def admits(self, posts: int) -> bool:
        """Whether so many posts are within the instance's share just now; always, if it has none."""
        if self._pacer is None:
            return True
        with self._lock:
            return self._pacer.admits(posts, time.monotonic())

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Ask whether each connection exists, within the time budget; one id never raises."""
        batch = self._run("GET", [(b"", connection_ids)], budget_seconds)
        return probe_report(batch.outcomes()[0])

    def close(self, connection_ids: Sequence[str]) -> tuple[str, ...]:
        """Close connections; returns those that were gone. Raises StoreUnavailable if one stays open."""
        (outcomes,) = self._run("DELETE", [(b"", connection_ids)], CLOSE_BUDGET_SECONDS).outcomes()
        reasons = [reason for _, verdict, reason in outcomes if verdict not in {"delivered", "gone"}]
        if reasons:
            raise StoreUnavailable(f"{len(reasons)} connections could not be closed; the first: {reasons[0]}")
        return tuple(connection_id for connection_id, verdict, _ in outcomes if verdict == "gone")

    def connect_ahead(self) -> None:
        """Open a connection for a post that is still to come. Raises OSError if nobody answers in time."""
        with self._lock:
            self._pool.open_ahead(time.monotonic() + self._connect_timeout)
            self._connection_requests().prepare("POST", b"", credentials(), time.time())

    def _connection_requests(self) -> ConnectionRequests:
        self._requests = self._requests or ConnectionRequests(self._endpoint, region())
        return self._requests

    def _run(
        self, method: Method, requested: Sequence[tuple[bytes, Sequence[str]]], budget_seconds: float
    ) -> PostBatch:
        deadline = time.monotonic() + budget_seconds
        requests = self._connection_requests()
        signed_by = credentials()

        def prepare() -> list[Callable[[str], bytes]]:
            now = time.time()
            return [requests.prepare(method, payload, signed_by, now) for payload, _ in requested]

        with self._lock:
            batch = PostBatch(
                self._pool,
                prepare,
                [connection_ids for _, connection_ids in requested],
                deadline,
                pacer=self._pacer,
                timeouts=self._timeouts,
            )
            batch.run()
            if self._pool.failures:
                log.warning(
                    "connecting_failed", count=self._pool.failures, reason=self._pool.last_failure[:200]
                )
        return batch
