"""Performs each action of the wire contract, on ports; a reply is `(type, data)` of the reply frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.history_actions import HistoryActions
from message_router.message_actions import MessageActions
from message_router.presence import answer_presence
from message_router.requests import (
    GetEvents,
    GetMessages,
    GetPresence,
    GetStatus,
    NotificationAck,
    Ping,
    RefreshToken,
    SendMessage,
    SubscribeToDeals,
    UnsubscribeFromDeals,
)
from message_router.server_info import server_info
from message_router.token_refresh import TokenRefresh
from realtime_core.errors import ConnectionUnknown, StoreUnavailable, SubscriptionFailed
from realtime_core.filters.filters import load_filter
from realtime_core.telemetry.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from message_router.caller import Caller, Reply
    from message_router.lookup import ConnectionLookup
    from message_router.requests import Action
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.verifier import TokenVerifier
    from realtime_core.connections.base import Connection, Connections
    from realtime_core.history.base import History
    from realtime_core.messages.base import Messages
    from realtime_core.push.pusher import Pusher
    from realtime_core.started_call import StartedCall
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

NO_RECORD = "The server has no record of this connection; reconnect"


class StartedReads(NamedTuple):
    """The reads that an action begins with, while they are under way."""

    connection: StartedCall[tuple[Connection | None, Any]]
    """The connection's record, or None, and what was read with it."""
    unread: StartedCall[int] | None = None

    def discard(self) -> None:
        """Give up what nobody has waited for."""
        self.connection.discard()
        if self.unread is not None:
            self.unread.discard()


class Actions:
    """Performs the actions on ports. `entropy` returns random bytes, for message ids.

    `take_new_filter` counts a user's new filter, and raises SubscriptionFailed; None limits nobody.
    `mark_refreshed` is that of `TokenRefresh`; None marks nobody, who then acts by the handshake's token.
    """

    def __init__(
        self,
        *,
        connections: Connections,
        subscriptions: Subscriptions,
        messages: Messages,
        history: History,
        lookup: ConnectionLookup,
        verifier: TokenVerifier,
        revocations: Revocations,
        pusher: Pusher,
        now: Callable[[], float],
        entropy: Callable[[int], bytes],
        take_new_filter: Callable[[str, float], None] | None = None,
        mark_refreshed: Callable[[str, int, Collection[str]], None] | None = None,
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._messages = messages
        self._lookup = lookup
        self._now = now
        self._take_new_filter = take_new_filter
        self._of_messages = MessageActions(messages, pusher, now, entropy)
        self._of_history = HistoryActions(history, pusher, now)
        self._token_refresh = TokenRefresh(
            connections=connections,
            subscriptions=subscriptions,
            verifier=verifier,
            revocations=revocations,
            pusher=pusher,
            now=now,
            mark_refreshed=mark_refreshed or (lambda _user_id, _until, _changed: None),
        )

    def start_reads(self, action: str, caller: Caller) -> StartedReads | None:
        """Start the reads that an action, by its name, begins with; None if there are none."""
        match action:
            case "getStatus":
                return self._start_status(caller)
            case "subscribeToDeals":
                return self._start_subscribe(caller)
            case "unsubscribeFromDeals":
                return self._start_unsubscribe(caller)
            case _:
                return None

    def perform(
        self, action: Action, caller: Caller, request_id: str | None, reads: StartedReads | None = None
    ) -> Reply:
        """Perform an action. Raises ActionError for what the client must learn.

        `reads` are those that `start_reads` has started for it; without, they are started here.
        """
        reply: Reply
        match action:
            case Ping():
                reply = "pong", {}

            case SubscribeToDeals():
                reply = self._subscribe(action, caller, reads or self._start_subscribe(caller))
            case GetEvents():
                reply = self._of_history.get_events(action, caller)
            case UnsubscribeFromDeals():
                reply = self._unsubscribe(action, caller, reads)

            case SendMessage() | GetMessages() | NotificationAck():
                reply = self._of_messages.perform(action, caller, request_id)

            case GetStatus():
                reply = self._status(reads or self._start_status(caller))
            case GetPresence():
                reply = answer_presence(action, caller, self._connections, int(self._now()))
            case RefreshToken():
                reply = self._token_refresh.perform(action, caller)

        return reply

    def _start_subscribe(self, caller: Caller) -> StartedReads:
        return StartedReads(self._lookup.start_newest(caller.connection_id))

    def _start_unsubscribe(self, caller: Caller) -> StartedReads:
        return StartedReads(self._lookup.start_record(caller.connection_id))

    def _start_status(self, caller: Caller) -> StartedReads:
        unread = self._messages.start_unread(caller.user_id, int(self._now()))
        return StartedReads(self._lookup.start_health(caller.connection_id), unread)

    def _subscribe(self, action: SubscribeToDeals, caller: Caller, reads: StartedReads) -> Reply:
        now = int(self._now())
        try:
            record, newest = reads.connection.result()
            if record is None:
                raise ConnectionUnknown(NO_RECORD)
            self._subscriptions.subscribe(
                caller.connection_id,
                action.topic,
                action.filter.canonical,
                now,
                record=record,
                received_ms=caller.received_ms,
                admit_new=lambda: self._admit_new_filter(caller),
            )

            data: dict[str, Any] = {"topic": action.topic, "filters": action.filter.as_object()}
            if action.since is None and action.recent is None:
                data["position"] = newest
            else:
                # The subscription is in force already, so no event is missed.
                data |= self._of_history.read(
                    action.topic, action.filter, action.since, action.recent, caller
                )
        except StoreUnavailable as error:
            raise SubscriptionFailed(
                "The subscription could not be stored; try again", {"reason": "store"}
            ) from error
        return "subscriptionConfirmed", data

    def _admit_new_filter(self, caller: Caller) -> None:
        if self._take_new_filter is not None:
            self._take_new_filter(caller.user_id, self._now())

    def _unsubscribe(
        self, action: UnsubscribeFromDeals, caller: Caller, started: StartedReads | None
    ) -> Reply:
        reads = started or self._start_unsubscribe(caller)
        try:
            record = reads.connection.result()[0]
            if record is None:
                raise ConnectionUnknown(NO_RECORD)
            self._subscriptions.unsubscribe(
                caller.connection_id, action.topic, record=record, received_ms=caller.received_ms
            )
        except StoreUnavailable as error:
            raise SubscriptionFailed(
                "The subscription could not be removed; try again", {"reason": "store"}
            ) from error
        return "unsubscriptionConfirmed", {"topic": action.topic}

    def _status(self, reads: StartedReads) -> Reply:
        record, health = reads.connection.result()
        if record is None:
            raise ConnectionUnknown(NO_RECORD)
        degraded = health is not None and health.is_degraded(self._now())
        try:
            unread = None if reads.unread is None else reads.unread.result()
        except StoreUnavailable:
            log.exception("unread_unknown")
            unread = None

        return "statusUpdate", {
            "connectionId": record.connection_id,
            "userId": record.user_id,
            "connectedSince": record.connected_at,
            "tokenExpiresAt": record.token_exp,
            "subscriptions": [
                {"topic": subscription.topic, "filters": load_filter(subscription.filter).as_object()}
                for subscription in sorted(record.subscriptions.values(), key=lambda item: item.topic)
            ],
            "unread": unread,
            "systemStatus": "degraded" if unread is None or degraded else "operational",
            "server": server_info(int(self._now())),
        }
