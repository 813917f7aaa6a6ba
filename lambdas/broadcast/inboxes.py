"""Stores notifications in inboxes, and finds the connections of their recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from realtime_core.ids import event_entropy, new_message_id
from realtime_core.messages.base import Message, NotAllStored
from realtime_core.push.lookup import find_connections
from realtime_core.push.planning import opening_connections, reachable_connections
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.events import notification_content, notification_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from realtime_core.connections.base import Connections
    from realtime_core.messages.base import Messages
    from realtime_core.wire.events import Event

log = get_logger(__name__)


class Notified(NamedTuple):
    """A notification that is stored, and who is to be told of it."""

    frame: str
    connection_ids: Sequence[str]
    opening: Mapping[str, int]
    """The connections that may still be in their handshake; see `DeliveryJob`."""
    user_ids: tuple[str, ...]
    """Recipients whose connections could not be looked up."""
    unstored: NotAllStored | None
    """The error of the inboxes in which it could not be stored: another attempt must store it there."""


class Inboxes:
    """The inboxes of recipients, and their connections."""

    def __init__(self, messages: Messages, connections: Connections) -> None:
        self._messages = messages
        self._connections = connections

    def notify(self, event: Event, event_id: str, accepted_at_ms: int, now: int) -> Notified:
        """Store a notification in each inbox, and look up the recipients who are connected.

        The message id derives from the event's id and first time, so an attempt that resumes a failed one
        stores nothing twice, and Regions that share the inboxes store the same. An inbox that fails holds up
        no other.
        """
        user_ids: Sequence[str] = event.recipients or ()
        message_id = new_message_id(accepted_at_ms, event_entropy(event_id))
        unstored = self._store(event, user_ids, message_id, accepted_at_ms // 1000)
        if unstored is not None:
            user_ids = [user_id for user_id in user_ids if user_id not in unstored.recipient_ids]

        found, left = find_connections(self._connections, user_ids)
        frame = notification_frame(
            event, message_id=message_id, event_id=event_id, now=accepted_at_ms // 1000
        )
        return Notified(
            frame, reachable_connections(found, now), opening_connections(found, now), left, unstored
        )

    def _store(
        self, event: Event, user_ids: Sequence[str], message_id: str, created_at: int
    ) -> NotAllStored | None:
        """Store a notification in each inbox; return the error of those in which it could not be stored."""
        content = notification_content(event)
        messages = [
            Message(
                message_id=message_id,
                recipient_id=user_id,
                sender_id="",
                kind="notification",
                type=event.message_type,
                content=content,
                created_at=created_at,
                expires_at=event.expires_at,
            )
            for user_id in user_ids
        ]

        try:
            self._messages.put_all(messages)
        except NotAllStored as error:
            log.exception("notification_not_stored", recipients=len(error.recipient_ids))
            return error
        return None
