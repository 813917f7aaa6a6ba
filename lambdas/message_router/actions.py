"""Performs each action of the wire contract, on ports; a reply is `(type, data)` of the reply frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.replay import fill_page, replay_start
from message_router.requests import (
    GetMessages,
    GetStatus,
    NotificationAck,
    Ping,
    RefreshToken,
    SendMessage,
    SubscribeToDeals,
    UnsubscribeFromDeals,
)
from realtime_core.errors import (
    AuthenticationFailed,
    ConnectionUnknown,
    MessageFailed,
    StoreUnavailable,
    SubscriptionFailed,
    TokenRefused,
)
from realtime_core.filters.filters import load_filter
from realtime_core.ids import new_message_id
from realtime_core.messages import frames as wire
from realtime_core.messages.base import Message
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import opening_connections, reachable_connections
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import RESUME_GAPS, RESUMES, TOKEN_FAILURES
from realtime_core.telemetry.metrics import add
from realtime_core.wire.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

    from message_router.lookup import ConnectionLookup
    from message_router.requests import Action
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.verifier import TokenVerifier
    from realtime_core.connections.base import Connections
    from realtime_core.history.base import History
    from realtime_core.messages.base import Messages
    from realtime_core.push.pusher import Pusher
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

NO_RECORD = "The server has no record of this connection; reconnect"

Reply = tuple[str, dict[str, Any]]

PUSH_BUDGET_SECONDS = 5.0
"""How long a sender waits for the push to the recipient; the queue takes over what is left by then."""


class Caller(NamedTuple):
    """The user and connection that sent the request; `token_exp` is the verified expiry, in epoch seconds."""

    connection_id: str
    user_id: str
    token_exp: int
    correlation_id: str
    """The id of the request in all logs, also behind the queue."""


class Actions:
    """Performs the actions on ports. `entropy` returns random bytes, for message ids."""

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
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._messages = messages
        self._history = history
        self._lookup = lookup
        self._verifier = verifier
        self._revocations = revocations
        self._pusher = pusher
        self._now = now
        self._entropy = entropy

    def perform(self, action: Action, caller: Caller, request_id: str | None) -> Reply:
        """Perform an action. Raises ActionError for what the client must learn."""
        reply: Reply
        match action:
            case Ping():
                reply = "pong", {}
            case SubscribeToDeals():
                reply = self._subscribe(action, caller)
            case UnsubscribeFromDeals():
                reply = self._unsubscribe(action, caller)
            case SendMessage():
                reply = self._send(action, caller, request_id)
            case GetMessages():
                reply = self._inbox(action, caller)
            case NotificationAck():
                reply = self._acknowledge(action, caller)
            case GetStatus():
                reply = self._status(caller)
            case RefreshToken():
                reply = self._refresh(action, caller)
        return reply

    def _subscribe(self, action: SubscribeToDeals, caller: Caller) -> Reply:
        now = int(self._now())
        try:
            record, bounds = self._lookup.connection_and_bounds(caller.connection_id, now)
            if record is None:
                raise ConnectionUnknown(NO_RECORD)
            self._subscriptions.subscribe(
                caller.connection_id, action.topic, action.filter.canonical, now, record=record
            )

            data: dict[str, Any] = {"topic": action.topic, "filters": action.filter.as_object()}
            if action.since is None:
                return "subscriptionConfirmed", {**data, "position": bounds.settled}
            return "subscriptionConfirmed", {**data, **self._replay(action, action.since, caller)}
        except StoreUnavailable as error:
            raise SubscriptionFailed("The subscription could not be stored; try again") from error

    def _replay(self, action: SubscribeToDeals, since: int, caller: Caller) -> dict[str, Any]:
        """Return the events since a position. The subscription is in force already, so no event is missed."""
        now_ms = int(self._now() * 1000)
        now = now_ms // 1000

        newest = self._history.bounds(now).newest
        last_received = self._history.event_at(since) if since else None
        first = replay_start(since, last_received.low if last_received else None)
        result = fill_page(
            self._history.events_between(first, newest), since=since, topic=action.topic, wanted=action.filter
        )

        for event in result.oversized:
            job = DeliveryJob(
                dumps(event),
                (caller.connection_id,),
                "deal",
                event["eventId"],
                now_ms,
                correlation_id=caller.correlation_id,
            )
            self._pusher.push(job, PUSH_BUDGET_SECONDS)

        # Read after the events: if the oldest of them were trimmed meanwhile, the floor shows it.
        bounds = self._history.bounds(now)
        known = since <= newest
        recovered = known and result.complete and bounds.floor <= first
        add(RESUMES, 1)
        if not recovered:
            add(RESUME_GAPS, 1)

        data: dict[str, Any] = {
            "position": max(since, bounds.settled) if known else newest,
            "recovered": recovered,
            "events": result.events,
        }
        if result.more:
            return {**data, "position": result.reached, "more": True}
        return data

    def _unsubscribe(self, action: UnsubscribeFromDeals, caller: Caller) -> Reply:
        try:
            self._subscriptions.unsubscribe(caller.connection_id, action.topic)
        except StoreUnavailable as error:
            raise SubscriptionFailed("The subscription could not be removed; try again") from error
        return "unsubscriptionConfirmed", {"topic": action.topic}

    def _send(self, action: SendMessage, caller: Caller, request_id: str | None) -> Reply:
        now = self._now()
        message = Message(
            message_id=new_message_id(int(now * 1000), self._entropy(10)),
            recipient_id=action.recipient_id,
            sender_id=caller.user_id,
            kind="message",
            type=action.type,
            content=action.content,
            created_at=int(now),
        )

        try:
            stored = self._messages.put(message, request_id)
        except StoreUnavailable as error:
            raise MessageFailed("The message could not be stored; nothing was sent, try again") from error

        # A repeat of a request returns the message that the first one stored: its recipient has it already.
        if stored.message_id == message.message_id:
            frame = wire.received_frame(stored, now=int(now))
            self._push_to_user(stored.recipient_id, frame, stored.message_id, caller)
        return "messageSent", wire.sent_reply(stored)

    def _inbox(self, action: GetMessages, caller: Caller) -> Reply:
        entries, more = self._messages.inbox(
            caller.user_id, action.after, action.limit, action.status, int(self._now())
        )
        return "messages", wire.inbox_page(entries, more)

    def _acknowledge(self, action: NotificationAck, caller: Caller) -> Reply:
        now = int(self._now())
        try:
            message = self._messages.acknowledge(caller.user_id, action.message_id, action.type, now)
        except StoreUnavailable as error:
            raise MessageFailed("The acknowledgement could not be stored; try again") from error

        # A message that was read before keeps that status: "delivered" now would look like a step back.
        if message.kind == "message" and message.status == action.type:
            status = wire.status_frame(message, action.type, now=now)
            self._push_to_user(message.sender_id, status, message.message_id, caller)
        at = wire.acknowledged_at(message, action.type, now)
        return "notificationAcked", {"messageId": message.message_id, "type": action.type, "timestamp": at}

    def _status(self, caller: Caller) -> Reply:
        record, health = self._lookup.connection_and_health(caller.connection_id)
        if record is None:
            raise ConnectionUnknown(NO_RECORD)
        degraded = health is not None and health.is_degraded(self._now())
        try:
            unread: int | None = self._messages.unread(caller.user_id)
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
        }

    def _refresh(self, action: RefreshToken, caller: Caller) -> Reply:
        now = self._now()
        try:
            identity = self._verifier.identify(action.token, now)
        except TokenRefused as refused:
            log.info("refresh_refused", reason=refused.reason)
            add(TOKEN_FAILURES, 1, refused.reason)
            raise AuthenticationFailed("The token is not valid for this connection") from refused

        if identity.user_id != caller.user_id:
            log.warning("refresh_refused", reason="other_user")
            add(TOKEN_FAILURES, 1, "other_user")
            raise AuthenticationFailed("The token is not valid for this connection")
        if self._revocations.is_revoked(identity.user_id, identity.token_id, identity.issued_at):
            log.info("refresh_refused", reason="revoked")
            add(TOKEN_FAILURES, 1, "revoked")
            raise AuthenticationFailed("The token was revoked")

        record = self._connections.extend(
            caller.connection_id, identity.token_exp, identity.issued_at, identity.token_id
        )
        if record is None:
            raise ConnectionUnknown(NO_RECORD)
        if record.subscriptions:
            self._subscriptions.extend(record)
        return "tokenRefreshed", {"expiresAt": record.token_exp}

    def _push_to_user(self, user_id: str, payload: str, about: str, caller: Caller) -> None:
        """Push to every connection of a user. The message is stored already, so a fault is only logged."""
        now = self._now()
        try:
            recipients = self._connections.of_user(user_id)
            job = DeliveryJob(
                payload,
                tuple(reachable_connections(recipients, int(now))),
                "message",
                about,
                int(now * 1000),
                correlation_id=caller.correlation_id,
                opening=opening_connections(recipients, int(now)),
            )
            self._pusher.push(job, PUSH_BUDGET_SECONDS)
        except StoreUnavailable:
            log.exception("push_failed", messageId=about)
