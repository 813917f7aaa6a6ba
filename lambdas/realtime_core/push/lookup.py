"""Looking up the connections of users to push to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.concurrency import map_concurrently
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_core.connections.base import Connections, Recipient

log = get_logger(__name__)


def find_connections(
    connections: Connections, user_ids: Sequence[str]
) -> tuple[list[Recipient], tuple[str, ...]]:
    """Return the connections of users, and the users whose connections could not be looked up.

    After the first failure no further look-up begins: while the table cannot be reached, each would use up
    seconds of the caller's time.
    """
    failed: list[StoreUnavailable] = []

    def of_user(user_id: str) -> list[Recipient] | None:
        if failed:
            return None
        try:
            return connections.of_user(user_id)
        except StoreUnavailable as error:
            failed.append(error)
            return None

    found = map_concurrently(of_user, user_ids)
    left = tuple(user_id for user_id, recipients in zip(user_ids, found, strict=True) if recipients is None)
    if left:
        log.warning("connections_not_found", users=len(left), reason=str(failed[0]))
    return [recipient for recipients in found if recipients for recipient in recipients], left
