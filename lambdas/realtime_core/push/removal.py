"""Removing connections that no longer exist, with their memberships."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from realtime_core.connections.base import RecordChanged
from realtime_core.errors import StoreUnavailable
from realtime_core.telemetry.metric_catalog import CONNECTION_DURATION
from realtime_core.telemetry.metrics import add

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_core.connections.base import Connection, Connections
    from realtime_core.subscriptions.base import Subscriptions

REMOVAL_ATTEMPTS = 20
"""Many times the requests that a connection can have been working off when it ended."""


def remove_connections(
    connection_ids: Iterable[str], connections: Connections, subscriptions: Subscriptions
) -> int:
    """Remove the memberships and records of connections that no longer exist; returns how many it removed.

    Safe to repeat, also concurrently and where an answer was lost: a record goes only after its memberships,
    so a caller that is interrupted leaves a record by which the rest is found.
    """
    found = [record for record in map(connections.get, connection_ids) if record is not None]
    return remove_records(found, connections, subscriptions)


def remove_records(
    found: Sequence[Connection], connections: Connections, subscriptions: Subscriptions
) -> int:
    """Remove the memberships and records of connections that were just read; as `remove_connections`."""
    if found:
        subscriptions.remove_members(found)
    removed = [record for record in found if _remove_record(record, connections, subscriptions)]

    now = time.time()
    for record in removed:
        add(CONNECTION_DURATION, max(0, round(now - record.connected_at)))
    return len(removed)


def _remove_record(record: Connection, connections: Connections, subscriptions: Subscriptions) -> bool:
    """Remove a record whose memberships are removed. Returns False if another caller has done so."""
    for _ in range(REMOVAL_ATTEMPTS):
        try:
            return connections.remove(record.connection_id, known=record) is not None
        except RecordChanged as changed:
            # A request of the client was still being worked off.
            record = changed.record
            subscriptions.remove_members([record])
    raise StoreUnavailable(f"the record of connection {record.connection_id} kept changing")
