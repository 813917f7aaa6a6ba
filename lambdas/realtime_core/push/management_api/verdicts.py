"""What a response of API Gateway's @connections means for a post."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from realtime_core.aws.errors import is_retryable_status
from realtime_core.push.base import PostReport, ProbeReport

Verdict = Literal["delivered", "gone", "refused", "retry"]
Outcome = tuple[str, Verdict, str]
"""A connection id, the result of the post, and the reason for it."""


def verdict_of(status: int) -> Verdict:
    """Return the verdict on an HTTP status; `retry` is worth another attempt."""
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    # 429 stands for the account's request budget, or for a client that reads too slowly.
    return "retry" if is_retryable_status(status) else "refused"


def report(outcomes: Iterable[Outcome], *, answers_lost: int = 0, throttled: int = 0) -> PostReport:
    """Sort outcomes, one for each id, into a report."""
    ids: dict[Verdict, list[str]] = {"delivered": [], "gone": [], "retry": []}
    refused: dict[str, str] = {}
    for connection_id, verdict, reason in outcomes:
        if verdict == "refused":
            refused[connection_id] = reason
        else:
            ids[verdict].append(connection_id)

    return PostReport(
        delivered=tuple(ids["delivered"]),
        gone=tuple(ids["gone"]),
        unsent=tuple(ids["retry"]),
        refused=refused,
        answers_lost=answers_lost,
        throttled=throttled,
    )


def probe_report(outcomes: Iterable[Outcome]) -> ProbeReport:
    """Sort the outcomes of probing connections, one for each id, into a report."""
    posted = report(outcomes)
    return ProbeReport(alive=posted.delivered, gone=posted.gone, unknown=(*posted.unsent, *posted.refused))
