"""What a process takes the record of a connection for without reading it: docs/adr/0068.

Nothing is decided by it: it only spares the read where the condition of a write says that it was right.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from realtime_core.connections.base import Connection
from realtime_core.subscriptions.base import filter_bytes

if TYPE_CHECKING:
    from message_router.caller import Caller

YOUNG_SECONDS = 60
"""How long the record of a new connection is taken for what the handshake made it, without subscriptions to
other topics: clients subscribe when they have connected, and refresh their token much later."""

RECORDS_MAX = 500
RECORD_FILTER_BYTES_MAX = 4 * 1024
"""The filters of a record that is remembered: with what Python adds, all of them take 10 MB at most."""


class AssumedRecords:
    """The records of connections, as this process has left them or as a handshake makes them."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, Connection] = OrderedDict()

    def of(self, caller: Caller, now: float) -> Connection | None:
        """What the record of a caller's connection is likely to be; None if that is uncertain."""
        if (left := self._left.get(caller.connection_id)) is not None:
            return left
        at = caller.connected_at
        if at is None or not 0 <= now - at < YOUNG_SECONDS or caller.token_exp <= now:
            return None
        return Connection(
            caller.connection_id, caller.user_id, at, caller.token_exp, permissions=caller.permissions
        )

    def forget(self, connection_id: str) -> None:
        """Forget a record that has changed in more than its subscriptions."""
        self._left.pop(connection_id, None)

    def remember_unsubscribed(self, record: Connection, topic: str, received_ms: int) -> None:
        """Remember a record as an unsubscribe has left it."""
        others = {name: item for name, item in record.subscriptions.items() if name != topic}
        unsubscribed = {**record.unsubscribed, topic: received_ms}
        left = record._replace(subscriptions=others, unsubscribed=unsubscribed)
        self.remember(left._replace(filter_bytes=filter_bytes(left)))

    def remember(self, record: Connection) -> None:
        """Remember a record as this process has left it."""
        self._left.pop(record.connection_id, None)
        if filter_bytes(record) > RECORD_FILTER_BYTES_MAX:
            return
        self._left[record.connection_id] = record
        if len(self._left) > RECORDS_MAX:
            self._left.popitem(last=False)
