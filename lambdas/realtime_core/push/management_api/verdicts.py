"""What a response of API Gateway's @connections means for a post."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from realtime_core.aws.errors import is_retryable_status
from realtime_core.push.base import PostReport, ProbeReport

Verdict = Literal["delivered", "gone", "refused", "retry", "unexpected"]
Outcome = tuple[str, Verdict, str]
"""A connection id, the result of the post, and the reason for it."""
UNTRIED = "out of time before the first attempt"
"""The reason of a `retry` for which no request was sent."""


def verdict_of(status: int) -> Verdict:
    """Return the verdict on an HTTP status.

    `retry` is worth another attempt at once, `unexpected` a later one: a 403, 404 or 400 says that something
    of the service is wrong, such as a permission or the address, and nothing about the connection.
    """
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    if status == 413:
        return "refused"
    # 429 stands for the account's request budget, or for a client that reads too slowly.
    return "retry" if is_retryable_status(status) else "unexpected"


def report(outcomes: Iterable[Outcome], *, answers_lost: int = 0, throttled: int = 0) -> PostReport:
    """Sort outcomes, one for each id, into a report."""
    delivered: list[str] = []
    gone: list[str] = []
    unsent: list[str] = []
    refused: dict[str, str] = {}
    unexpected: dict[str, int] = {}
    untried = 0
    ids: dict[Verdict, list[str]] = {
        "delivered": delivered,
        "gone": gone,
        "retry": unsent,
        "unexpected": unsent,
    }
    for connection_id, verdict, reason in outcomes:
        if verdict == "refused":
            refused[connection_id] = reason
            continue
        ids[verdict].append(connection_id)
        untried += reason == UNTRIED
        if verdict == "unexpected":
            unexpected[reason] = unexpected.get(reason, 0) + 1

    return PostReport(
        delivered=tuple(delivered),
        gone=tuple(gone),
        unsent=tuple(unsent),
        untried=untried,
        refused=refused,
        unexpected=unexpected,
        answers_lost=answers_lost,
        throttled=throttled,
    )


def probe_report(outcomes: Iterable[Outcome]) -> ProbeReport:
    """Sort the outcomes of probing connections, one for each id, into a report."""
    posted = report(outcomes)
    return ProbeReport(alive=posted.delivered, gone=posted.gone, unknown=(*posted.unsent, *posted.refused))
