"""API Gateway's management API: posting to connections, probing and closing them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from realtime_core.aws.credentials import credentials, region
from realtime_core.aws.endpoint import Endpoint
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import PostReport, ProbeReport
from realtime_core.push.management_api.batch import DEFAULT_TIMEOUTS, PostBatch, Timeouts
from realtime_core.push.management_api.pacer import Pacer
from realtime_core.push.management_api.pool import Pool
from realtime_core.push.management_api.requests import ConnectionRequests, Method
from realtime_core.push.management_api.verdicts import Outcome, probe_report, report
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

CLOSE_BUDGET_SECONDS = 5.0


class ManagementApiClient:
    """`ManagementApi` on API Gateway's management API.

    `endpoint_url` is `https://API.execute-api.REGION.amazonaws.com/STAGE`. `posts_per_second` is this
    instance's share of the account's request budget; None leaves pacing to the caller. A call may exceed its
    time budget by `timeouts.answer_seconds`, since it waits for responses that are under way.
    """

    def __init__(
        self,
        endpoint_url: str,
        *,
        posts_per_second: float | None = None,
        connect_timeout: float = 1.0,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._endpoint = Endpoint.of(endpoint_url)
        self._connect_timeout = connect_timeout
        self._pool = Pool(self._endpoint, connect_timeout)
        self._pacer = None if posts_per_second is None else Pacer(posts_per_second)
        self._timeouts = timeouts
        self._requests: ConnectionRequests | None = None
        self._lock = threading.Lock()

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post one payload to each connection, with retries inside the time budget; one id never raises."""
        batch, outcomes = self._run("POST", payload.encode(), connection_ids, budget_seconds)
        return report(outcomes, answers_lost=batch.answers_lost, throttled=batch.throttled)

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Ask whether each connection exists, within the time budget; one id never raises."""
        _, outcomes = self._run("GET", b"", connection_ids, budget_seconds)
        return probe_report(outcomes)

    def close(self, connection_ids: Sequence[str]) -> tuple[str, ...]:
        """Close connections; returns those that were gone. Raises StoreUnavailable if one stays open."""
        _, outcomes = self._run("DELETE", b"", connection_ids, CLOSE_BUDGET_SECONDS)
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
        self, method: Method, payload: bytes, connection_ids: Sequence[str], budget_seconds: float
    ) -> tuple[PostBatch, list[Outcome]]:
        deadline = time.monotonic() + budget_seconds
        requests = self._connection_requests()
        signed_by = credentials()

        with self._lock:
            batch = PostBatch(
                self._pool,
                lambda: requests.prepare(method, payload, signed_by, time.time()),
                list(dict.fromkeys(connection_ids)),
                deadline,
                pacer=self._pacer,
                timeouts=self._timeouts,
            )
            outcomes = batch.run()
            if self._pool.failures:
                log.warning(
                    "connecting_failed", count=self._pool.failures, reason=self._pool.last_failure[:200]
                )
        return batch, outcomes
