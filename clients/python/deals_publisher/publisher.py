"""Publishes events to topics, messages to one user, and notifications to many."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from deals_publisher.errors import InvalidArgument, PublishError
from deals_publisher.results import Notified, Published
from deals_publisher.validation import (
    RECIPIENTS_MAX,
    check_expires_at,
    check_identifier,
    check_json_object,
    check_message_type,
    check_size,
    check_text,
    check_topic,
    check_user_ids,
)

_ID_CHARS_MAX = 128


class Transport(Protocol):
    """Sends events to the service. Can be shared between threads if its client can."""

    def send(self, event: Mapping[str, Any]) -> Published:
        """Send one valid event, which has an `eventId`. Raises PublishError."""
        ...

    def send_all(self, events: Sequence[Mapping[str, Any]]) -> list[Published | PublishError]:
        """Send valid events in as few calls as possible; returns for each its result, or why it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the subscribers of a topic; the fields are the arguments of `publish_event`."""

    topic: str
    data: Mapping[str, Any]
    message_type: str = "dealUpdate"
    filters: Mapping[str, Any] | None = None
    event_id: str | None = None
    expires_at: datetime | int | None = None


class Publisher:
    """Publishes through one transport, after checking the arguments by the service's own rules.

    Every event has an id, a new one by default, so retries publish it only once. All methods raise
    InvalidArgument (nothing was sent), Rejected (the service refused the event) and NotPublished (call again
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
        expires_at: datetime | int | None = None,
    ) -> Published:
        """Publish an event to the subscribers of a topic whose filters match it.

        `topic` has 1 to 64 characters of `a-z 0-9 -` in parts joined by dots. Clients receive `data` in a
        frame of type `message_type`. Filters look up attributes in `filters` first, then in `data`. Of events
        with the same `event_id` only the first within 24 hours is published. After `expires_at`, a datetime
        with a time zone or epoch seconds, it is neither pushed nor replayed.
        """
        return self._transport.send(
            _check_event(Event(topic, data, message_type, filters, event_id, expires_at))
        )

    def publish_events(self, events: Sequence[Event]) -> list[Published | PublishError]:
        """Publish events to the subscribers of their topics, many in one call: faster and cheaper than alone.

        Returns for each event, in order, its result, or the Rejected or NotPublished why it has none: one
        that fails harms no other. Raises InvalidArgument (`events[2].topic`), and then nothing was sent.
        """
        checked: list[Mapping[str, Any]] = []
        for index, event in enumerate(cast(Sequence[object], events)):
            if not isinstance(event, Event):
                raise InvalidArgument(f"events[{index}]", 'must be an Event, such as Event("books", {})')
            try:
                checked.append(_check_event(event))
            except InvalidArgument as error:
                raise InvalidArgument(f"events[{index}].{error.argument}", error.problem) from error
        return self._transport.send_all(checked)

    def publish_message(
        self,
        user_id: str,
        content: str,
        *,
        data: Mapping[str, Any] | None = None,
        message_type: str = "message",
        event_id: str | None = None,
        expires_at: datetime | int | None = None,
    ) -> Published:
        """Publish a message to one user: store it in the inbox, then push it to the user's connections.

        Clients receive a `notification` frame whose data has `content` and the members of `data`. After
        `expires_at` it is not pushed any more, and gone from the inbox.
        """
        merged = _merge_data({"content": check_text(content, "content")}, data)
        user = check_identifier(user_id, "user_id")
        return self._send_to_users([user], merged, message_type, _check_event_id(event_id), expires_at)

    def notify_users(
        self,
        user_ids: Collection[str],
        title: str,
        message: str,
        *,
        data: Mapping[str, Any] | None = None,
        message_type: str = "notification",
        event_id: str | None = None,
        expires_at: datetime | int | None = None,
    ) -> Notified:
        """Notify users: store it in each inbox, then push it. Users that are named twice receive it once.

        An event has at most 1,000 recipients, so a larger audience takes several events, one after the other,
        with the ids `event_id` + `.1`, `.2` …. If one fails, call again with the same `event_id`: events that
        were published are not published twice.
        """
        users = check_user_ids(user_ids)
        texts = {"title": check_text(title, "title"), "message": check_text(message, "message")}
        merged, base_id = _merge_data(texts, data), _check_event_id(event_id)

        batches = [users[start : start + RECIPIENTS_MAX] for start in range(0, len(users), RECIPIENTS_MAX)]
        ids = [base_id] if len(batches) == 1 else [f"{base_id}.{n}" for n in range(1, len(batches) + 1)]
        if len(ids[-1]) > _ID_CHARS_MAX:
            longest = _ID_CHARS_MAX - len(ids[-1]) + len(base_id)
            raise InvalidArgument("event_id", f"must be at most {longest} characters for {len(users)} users")

        events = tuple(
            self._send_to_users(list(batch), merged, message_type, batch_id, expires_at)
            for batch, batch_id in zip(batches, ids, strict=True)
        )
        return Notified(base_id, events, len(users))

    def _send_to_users(
        self,
        users: list[str],
        data: dict[str, Any],
        message_type: str,
        event_id: str,
        expires_at: datetime | int | None,
    ) -> Published:
        event: dict[str, Any] = {
            "messageType": check_message_type(message_type),
            "data": data,
            "recipients": users,
            "eventId": event_id,
        }
        if expires_at is not None:
            event["expiresAt"] = check_expires_at(expires_at)
        return self._send(event)

    def _send(self, event: Mapping[str, Any]) -> Published:
        check_size(event)
        return self._transport.send(event)


def _check_event(event: Event) -> dict[str, Any]:
    checked: dict[str, Any] = {
        "messageType": check_message_type(event.message_type),
        "data": check_json_object(event.data, "data"),
        "topic": check_topic(event.topic),
        "eventId": _check_event_id(event.event_id),
    }
    if event.filters is not None:
        checked["filters"] = check_json_object(event.filters, "filters")
    if event.expires_at is not None:
        checked["expiresAt"] = check_expires_at(event.expires_at)
    check_size(checked)
    return checked


def _check_event_id(event_id: str | None) -> str:
    return str(uuid.uuid4()) if event_id is None else check_identifier(event_id, "event_id")


def _merge_data(fields: dict[str, Any], data: Mapping[str, Any] | None) -> dict[str, Any]:
    more = {} if data is None else check_json_object(data, "data")
    if repeated := [name for name in fields if name in more]:
        raise InvalidArgument(f"data.{repeated[0]}", "has an argument of its own; leave it out of data")
    return {**fields, **more}
