"""What an answer of API Gateway's @connections means for a post."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from realtime_core.push.base import PostReport, ProbeReport

Verdict = Literal["delivered", "gone", "refused", "again"]
Outcome = tuple[str, Verdict, str]
"""A connection id, what became of the post, and why."""


def verdict_of(status: int) -> Verdict:
    """The verdict on an HTTP status; `again` is worth another attempt."""
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    # 429 is the account's request budget, or a client that reads too slowly.
    if status == 429 or status >= 500:
        return "again"
    return "refused"


def report(outcomes: Iterable[Outcome], *, answers_lost: int = 0, throttled: int = 0) -> PostReport:
    """Sort outcomes, one for each id, into a report."""
    places: dict[Verdict, list[str]] = {"delivered": [], "gone": [], "again": []}
    refused: dict[str, str] = {}
    for connection_id, verdict, reason in outcomes:
        if verdict == "refused":
            refused[connection_id] = reason
        else:
            places[verdict].append(connection_id)
    return PostReport(
        delivered=tuple(places["delivered"]),
        gone=tuple(places["gone"]),
        unsent=tuple(places["again"]),
        refused=refused,
        answers_lost=answers_lost,
        throttled=throttled,
    )


def probe_report(outcomes: Iterable[Outcome]) -> ProbeReport:
    """Sort outcomes of asking for connections, one for each id, into a report."""
    sorted_out = report(outcomes)
    return ProbeReport(
        alive=sorted_out.delivered, gone=sorted_out.gone, unknown=(*sorted_out.unsent, *sorted_out.refused)
    )
