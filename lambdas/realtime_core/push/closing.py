"""Closing connections, with a last frame that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.wire.closing import closing_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_core.push.base import ManagementApi
    from realtime_core.wire.closing import ClosingReason

ANNOUNCE_SECONDS = 2.0
"""How long a closing waits for the last frames: they are for convenience, the closing is not."""


def announce_and_close(
    management_api: ManagementApi, connection_ids: Sequence[str], reason: ClosingReason, now: int
) -> tuple[str, ...]:
    """Close connections at `now` (epoch seconds), each after a `closing` frame as far as that can be sent.

    Takes two requests each. Returns those that did not exist any more, or not yet (410). Raises
    StoreUnavailable if one stays open.
    """
    report = management_api.post(closing_frame(reason, now), connection_ids, ANNOUNCE_SECONDS)
    gone = set(report.gone)
    left = [connection_id for connection_id in connection_ids if connection_id not in gone]
    return (*report.gone, *(management_api.close(left) if left else ()))
