"""Publishing: events of a topic, a message to one person, a notification to many."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from deals_publisher import validation
from deals_publisher.errors import InvalidArgument
from deals_publisher.results import Notified, Published
from deals_publisher.transports import Transport

_ID_CHARS_MAX = 128


class Publisher:
    """Publishes by one transport. Arguments are checked here first, by the service's own validation.

    Every event has an id, made up where none is given, so whatever tries again publishes once. All methods
    raise InvalidArgument (nothing was sent), Rejected (the service refused it) and NotPublished (call again
    with the `event_id` that it names).
    """

    def __init__(self, transport: Transport) -> None:
        if isinstance(transport, type) or not callable(getattr(transport, "send", None)):
            raise InvalidArgument("transport", 'must be an object with `send`, such as LambdaInvoke("NAME")')
        self._transport = transport

    def publish_event(
        self,
        topic: str,
        data: Mapping[str, Any],
        *,
        message_type: str = "dealUpdate",
        filters: Mapping[str, Any] | None = None,
        event_id: str | None = None,
    ) -> Published:
        """Publish an event to the subscribers of a topic whose filters it matches.

        `topic` is 1 to 64 characters of `a-z 0-9 -`, parts joined by dots. Clients get `data` in a frame of
        the type `message_type`. Filters look at `filters` first, and then at `data`. Of the same `event_id`
        only the first within 24 hours is published.
        """
        event: dict[str, Any] = {
            "messageType": validation.message_type(message_type),
            "data": validation.json_object(data, "data"),
            "topic": validation.topic(topic),
            "eventId": _event_id(event_id),
        }
        if filters is not None:
            event["filters"] = validation.json_object(filters, "filters")
        return self._send(event)

    def publish_message(
        self,
        user_id: str,
        content: str,
        *,
        data: Mapping[str, Any] | None = None,
        message_type: str = "message",
        event_id: str | None = None,
    ) -> Published:
        """Publish a message to one person: stored in the inbox, then pushed to where they are connected.

        Clients get a `notification` frame whose data is `content` with whatever is in `data` beside it.
        """
        inside = _beside({"content": validation.text(content, "content")}, data)
        return self._to(
            [validation.identifier(user_id, "user_id")], inside, message_type, _event_id(event_id)
        )

    def notify_users(
        self,
        user_ids: Collection[str],
        title: str,
        message: str,
        *,
        data: Mapping[str, Any] | None = None,
        message_type: str = "notification",
        event_id: str | None = None,
    ) -> Notified:
        """Notify people: stored in each inbox, then pushed. Each gets it once, however often they are named.

        An event has at most 1,000 recipients, so more are told by several events, one after the other, with
        the ids `event_id` and `.1`, `.2` … behind it. Where one fails, to repeat all with the same
        `event_id` goes on where it ended.
        """
        users = validation.user_ids(user_ids)
        texts = {"title": validation.text(title, "title"), "message": validation.text(message, "message")}
        inside, whole_id = _beside(texts, data), _event_id(event_id)
        groups = [
            users[at : at + validation.RECIPIENTS_MAX]
            for at in range(0, len(users), validation.RECIPIENTS_MAX)
        ]
        ids = [whole_id] if len(groups) == 1 else [f"{whole_id}.{at}" for at in range(1, len(groups) + 1)]
        if len(ids[-1]) > _ID_CHARS_MAX:
            longest = _ID_CHARS_MAX - len(ids[-1]) + len(whole_id)
            raise InvalidArgument("event_id", f"must be at most {longest} characters for {len(users)} users")
        sent = tuple(
            self._to(list(group), inside, message_type, one) for group, one in zip(groups, ids, strict=True)
        )
        return Notified(whole_id, sent, len(users))

    def _to(self, users: list[str], data: dict[str, Any], message_type: str, event_id: str) -> Published:
        event = {
            "messageType": validation.message_type(message_type),
            "data": data,
            "recipients": users,
            "eventId": event_id,
        }
        return self._send(event)

    def _send(self, event: Mapping[str, Any]) -> Published:
        validation.check_size(event)
        return self._transport.send(event)


def _event_id(given: str | None) -> str:
    return str(uuid.uuid4()) if given is None else validation.identifier(given, "event_id")


def _beside(fields: dict[str, Any], data: Mapping[str, Any] | None) -> dict[str, Any]:
    more = {} if data is None else validation.json_object(data, "data")
    if taken := [name for name in fields if name in more]:
        raise InvalidArgument(f"data.{taken[0]}", "is an argument of its own; leave it out of data")
    return {**fields, **more}
