"""Posting to connections over API Gateway's management API."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from realtime_core.aws.credentials import credentials, region
from realtime_core.aws.endpoint import Endpoint
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import PostReport, ProbeReport
from realtime_core.push.management_api.batch import DEFAULT_TIMEOUTS, Job, Timeouts
from realtime_core.push.management_api.pacer import Pacer
from realtime_core.push.management_api.pool import Pool
from realtime_core.push.management_api.requests import Method, Signer
from realtime_core.push.management_api.verdicts import Outcome, probe_report, report
from realtime_core.telemetry.logs import get_logger

log = get_logger(__name__)

CLOSE_BUDGET_SECONDS = 5.0


class ManagementApiClient:
    """`ManagementApi` on API Gateway's management API.

    `endpoint_url` is `https://API.execute-api.REGION.amazonaws.com/STAGE`. `posts_per_second` is what this
    instance may spend of the account's request budget; None leaves that to the caller. A call may outlast its
    time budget by `patience.answer_seconds`, since an answer that is under way is waited for.
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
        self._patience = timeouts
        self._signer: Signer | None = None
        self._turn = threading.Lock()

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post one payload to each connection, with retries inside the time budget; one id never raises."""
        job, outcomes = self._run("POST", payload.encode(), connection_ids, budget_seconds)
        return report(outcomes, answers_lost=job.answers_lost, throttled=job.throttled)

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Ask for each connection whether it is there, within the time budget; one id never raises."""
        _, outcomes = self._run("GET", b"", connection_ids, budget_seconds)
        return probe_report(outcomes)

    def close(self, connection_ids: Sequence[str]) -> None:
        """Close connections; one already gone is no error. Raises StoreUnavailable if one stays open."""
        _, outcomes = self._run("DELETE", b"", connection_ids, CLOSE_BUDGET_SECONDS)
        left = [one for one in outcomes if one[1] not in {"delivered", "gone"}]
        if left:
            raise StoreUnavailable(f"{len(left)} connections could not be closed; the first: {left[0][2]}")

    def connect_ahead(self) -> None:
        """Open a connection for a post that is still to come. Raises OSError if nobody answers in time."""
        with self._turn:
            self._pool.open_ahead(time.monotonic() + self._connect_timeout)
            self._signing().requests("POST", b"", credentials(), time.time())

    def _signing(self) -> Signer:
        self._signer = self._signer or Signer(self._endpoint, region())
        return self._signer

    def _run(
        self, method: Method, payload: bytes, connection_ids: Sequence[str], budget_seconds: float
    ) -> tuple[Job, list[Outcome]]:
        deadline = time.monotonic() + budget_seconds
        signer = self._signing()
        mine = credentials()
        with self._turn:
            job = Job(
                self._pool,
                lambda: signer.requests(method, payload, mine, time.time()),
                list(dict.fromkeys(connection_ids)),
                deadline,
                pacer=self._pacer,
                timeouts=self._patience,
            )
            outcomes = job.run()
            if self._pool.failures:
                log.warning(
                    "connecting_failed", count=self._pool.failures, reason=self._pool.last_failure[:200]
                )
        return job, outcomes
