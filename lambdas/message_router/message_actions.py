"""The actions on messages: what is stored is pushed, by the queue if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from message_router.requests import GetMessages, NotificationAck, SendMessage
from realtime_core.auth.permissions import check_recipient_permitted
from realtime_core.errors import MessageFailed, StoreUnavailable
from realtime_core.ids import new_message_id
from realtime_core.messages import frames as wire
from realtime_core.messages.base import Message
from realtime_core.push.base import DeliveryJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from message_router.caller import Caller, Reply
    from realtime_core.messages.base import Messages
    from realtime_core.push.pusher import Pusher

PUSH_BUDGET_SECONDS = 5.0
"""How long a sender waits for the push to the recipient; the queue takes over what is left by then."""
REPEAT_DELAY_SECONDS = 6
"""How long the push of a repeated request waits in the queue: a first request that still runs has handed over
its own by then."""
PUSHED_MAX = 1_000
"""How many messages a process remembers to have pushed."""


class MessageActions:
    """Performs the actions on ports. `entropy` returns random bytes, for message ids."""

    def __init__(
        self,
        messages: Messages,
        pusher: Pusher,
        now: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._messages = messages
        self._pusher = pusher
        self._now = now
        self._entropy = entropy
        self._pushed: dict[str, None] = {}
        """The newest messages that this process has pushed, by id, oldest first."""

    def perform(
        self, action: SendMessage | GetMessages | NotificationAck, caller: Caller, request_id: str | None
    ) -> Reply:
        """Perform one of the actions on messages. Raises ActionError."""
        match action:
            case SendMessage():
                return self._send(action, caller, request_id)
            case GetMessages():
                return self._inbox(action, caller)
            case NotificationAck():
                return self._acknowledge(action, caller)

    def _send(self, action: SendMessage, caller: Caller, request_id: str | None) -> Reply:
        """Store a message, then push it to the recipient. Raises ActionError."""
        check_recipient_permitted(caller.permissions, action.recipient_id)
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

        frame = wire.received_frame(stored, now=int(now))
        job = self._job_for_user(stored.recipient_id, frame, stored.message_id, caller)
        if stored.message_id == message.message_id:
            self._pusher.push(job, PUSH_BUDGET_SECONDS)
        elif not self._is_known_to_be_pushed(stored, int(now)):
            self._pusher.push_later(job, REPEAT_DELAY_SECONDS)
        self._note_pushed(stored.message_id)
        return "messageSent", wire.sent_reply(stored)

    def _is_known_to_be_pushed(self, message: Message, now: int) -> bool:
        """Whether a message that an earlier request stored was pushed by this process, or has been received.

        Otherwise the function may have died between storing and pushing. Nothing else tells: a mark on each
        message that was pushed would cost every message a second write.
        """
        if message.message_id in self._pushed:
            return True
        entry = self._messages.get(message.recipient_id, message.message_id, now)
        return entry is None or entry.status != "sent"

    def _note_pushed(self, message_id: str) -> None:
        self._pushed[message_id] = None
        if len(self._pushed) > PUSHED_MAX:
            del self._pushed[next(iter(self._pushed))]

    def _inbox(self, action: GetMessages, caller: Caller) -> Reply:
        """A page of the caller's inbox."""
        entries, more = self._messages.inbox(
            caller.user_id, action.after, action.limit, action.status, int(self._now())
        )
        return "messages", wire.inbox_page(entries, more, int(self._now() * 1000))

    def _acknowledge(self, action: NotificationAck, caller: Caller) -> Reply:
        """Advance the status of a message in the caller's inbox, and tell its sender. Raises ActionError."""
        now = int(self._now())
        try:
            message = self._messages.acknowledge(caller.user_id, action.message_id, action.type, now)
        except StoreUnavailable as error:
            raise MessageFailed("The acknowledgement could not be stored; try again") from error

        # A message that was read before keeps that status: "delivered" now would look like a step back.
        if message.kind == "message" and message.status == action.type:
            status = wire.status_frame(message, action.type, now=now)
            job = self._job_for_user(message.sender_id, status, message.message_id, caller)
            self._pusher.push(job, PUSH_BUDGET_SECONDS)
        at = wire.acknowledged_at(message, action.type, now)
        return "notificationAcked", {"messageId": message.message_id, "type": action.type, "timestamp": at}

    def _job_for_user(self, user_id: str, payload: str, about: str, caller: Caller) -> DeliveryJob:
        """A push to every connection of a user.

        What it is about is stored by then. Where not even the queue takes the push, the client gets an error
        and repeats its request, and that pushes again.
        """
        return DeliveryJob(
            payload,
            (),
            "message",
            about,
            int(self._now() * 1000),
            correlation_id=caller.correlation_id,
            user_ids=(user_id,),
        )
