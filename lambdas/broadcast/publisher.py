"""Publishes an event: match it by distinct filter, read the members, then post directly or queue."""

from __future__ import annotations

from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.errors import StoreUnavailable
from realtime_core.filters.filters import Attributes
from realtime_core.history.base import NewEvent, encode_event
from realtime_core.ids import event_entropy, new_message_id
from realtime_core.messages.base import Message, NotAllStored
from realtime_core.push.base import DeliveryJob
from realtime_core.push.lookup import find_connections
from realtime_core.push.planning import opening_connections, reachable_connections, split_job
from realtime_core.subscriptions.base import shards_for
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import EVENTS_PUBLISHED
from realtime_core.telemetry.metrics import add
from realtime_core.wire.events import event_frame, notification_content, notification_frame
from realtime_core.wire.strict_json import dumps, loads
from realtime_core.wire.topics import topics_reached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from broadcast.forwarding import Forwarding
    from broadcast.group_index import GroupIndex
    from realtime_core.connections.base import Connections
    from realtime_core.history.base import Admission, PublishClaim
    from realtime_core.messages.base import Messages
    from realtime_core.push.base import Deliveries, Priority
    from realtime_core.push.pusher import Pusher
    from realtime_core.subscriptions.base import Group, Subscriptions
    from realtime_core.wire.events import Event
    from realtime_core.wire.forwarded import Origin

log = get_logger(__name__)

DIRECT_BUDGET_SECONDS = 10.0
"""How long a small audience is posted to from here; the queue takes over what is left by then."""
_NONE: Mapping[str, int] = MappingProxyType({})


class Outcome(NamedTuple):
    """The result of publishing an event, counted in connections."""

    event_id: str
    position: int | None
    """None for a notification."""
    delivered: int
    queued: int
    """Users whose connections could not be looked up yet count as one connection each."""

    def as_body(self) -> dict[str, Any]:
        """Return the body of the synchronous answer, by the wire contract."""
        return {
            "broadcast": "success",
            "eventId": self.event_id,
            **({} if self.position is None else {"position": self.position}),
            "delivered": self.delivered,
            "queued": self.queued,
            "total": self.delivered + self.queued,
        }


class Publisher:
    """Publishes events on ports.

    `direct_max` is the largest audience that is posted to without the queue; `forwarding` hands what is
    accepted here to other Regions, if there are any.
    """

    def __init__(
        self,
        *,
        connections: Connections,
        subscriptions: Subscriptions,
        groups: GroupIndex,
        messages: Messages,
        admission: Admission,
        deliveries: Deliveries,
        pusher: Pusher,
        direct_max: int,
        now: Callable[[], float],
        forwarding: Forwarding | None = None,
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._groups = groups
        self._messages = messages
        self._admission = admission
        self._deliveries = deliveries
        self._pusher = pusher
        self._direct_max = direct_max
        self._now = now
        self._forwarding = forwarding

    def publish(self, event: Event, event_id: str, origin: Origin | None = None) -> dict[str, Any]:
        """Publish an event, once for each event id. Returns the answer's body, the same for every repeat.

        An event that another Region forwarded has its `origin` there, and is not forwarded again. Raises
        StoreUnavailable if it could not be stored, planned or queued; the next attempt resumes there.
        """
        stored = encode_event(event, event_id) if event.recipients is None else None
        claim = self._admission.claim(NewEvent(event_id, stored), int(self._now() * 1000))
        if claim.answer is not None:
            log.info("published_before", eventId=event_id)
            return dict(loads(claim.answer))

        try:
            if event.recipients is None:
                outcome = self._broadcast(event, claim)
            else:
                accepted_at_ms = claim.at_ms if origin is None else origin.accepted_at_ms
                outcome = self._notify(event, event.recipients, claim, accepted_at_ms)

            # After the push, which is not to wait for it; before the answer, which promises it.
            if self._forwarding is not None and origin is None:
                self._forwarding.forward(event, claim)
        except Exception:
            with suppress(StoreUnavailable):
                self._admission.release(claim)
            raise

        body = outcome.as_body()
        self._finish(claim, body, in_flight=outcome.queued > 0)
        log.info("published", **body)
        add(EVENTS_PUBLISHED, 1)
        return body

    def _finish(self, claim: PublishClaim, body: dict[str, Any], *, in_flight: bool) -> None:
        """Store the answer. The event is out: if this fails, a repeat is pushed again, with the same id."""
        try:
            self._admission.finish(claim, dumps(body), in_flight=in_flight)
        except StoreUnavailable:
            log.exception("answer_not_stored", eventId=claim.event_id)

    def _broadcast(self, event: Event, claim: PublishClaim) -> Outcome:
        accepted_at = claim.at_ms // 1000
        payload = event_frame(event, event_id=claim.event_id, now=accepted_at, position=claim.position)
        return self._send(payload, self._subscribers(event, int(self._now())), "deal", claim)

    def _subscribers(self, event: Event, now: int) -> list[str]:
        """Return the connections that match, each once; takes a query per topic and per matching shard."""
        assert event.topic is not None, "an event has a topic or recipients"  # noqa: S101
        attributes = Attributes(event.filters, event.data)
        matched = [
            group
            for topic in topics_reached(event.topic)
            for group in self._groups.matching(topic, attributes, now)
        ]

        sizes: dict[str, int] = {}
        connection_ids: dict[str, None] = {}
        for group, members in self._subscriptions.members(matched, now):
            sizes[group.group_id] = sizes.get(group.group_id, 0) + len(members)
            connection_ids.update(dict.fromkeys(members))

        log.debug("matched", topic=event.topic, groups=len(matched), connections=len(connection_ids))
        self._spread(matched, sizes)
        return list(connection_ids)

    def _spread(self, groups: Iterable[Group], sizes: dict[str, int]) -> None:
        """Give groups that have grown more shards. If that fails, the next event tries again."""
        for group in groups:
            wanted = shards_for(sizes.get(group.group_id, 0), group.shards)
            if wanted > group.shards:
                try:
                    self._subscriptions.add_shards(group, wanted, int(self._now()))
                except StoreUnavailable:
                    log.exception("group_not_spread", groupId=group.group_id, shards=wanted)
                else:
                    log.info("group_spread", groupId=group.group_id, shards=wanted)

    def _notify(
        self, event: Event, user_ids: Sequence[str], claim: PublishClaim, accepted_at_ms: int
    ) -> Outcome:
        """Store a notification in each inbox, then push it to the recipients who are connected.

        The message id derives from the event's id and first time, so an attempt that resumes a failed one
        stores nothing twice, and Regions that share the inboxes store the same. An inbox that fails holds up
        no other: it is left to the next attempt.
        """
        message_id = new_message_id(accepted_at_ms, event_entropy(claim.event_id))
        unstored = self._store_notifications(event, user_ids, message_id, accepted_at_ms // 1000)
        if unstored is not None:
            user_ids = [user_id for user_id in user_ids if user_id not in unstored.recipient_ids]

        found, left = find_connections(self._connections, user_ids)
        payload = notification_frame(
            event, message_id=message_id, event_id=claim.event_id, now=accepted_at_ms // 1000
        )
        now = int(self._now())
        outcome = self._send(
            payload,
            reachable_connections(found, now),
            "notification",
            claim,
            user_ids=left,
            opening=opening_connections(found, now),
        )

        if unstored is not None:
            raise unstored
        return outcome

    def _store_notifications(
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
            )
            for user_id in user_ids
        ]

        try:
            self._messages.put_all(messages)
        except NotAllStored as error:
            log.exception("notification_not_stored", recipients=len(error.recipient_ids))
            return error
        return None

    def _send(
        self,
        payload: str,
        connection_ids: Sequence[str],
        priority: Priority,
        claim: PublishClaim,
        *,
        user_ids: tuple[str, ...] = (),
        opening: Mapping[str, int] = _NONE,
    ) -> Outcome:
        """Post to a small audience or queue a large one; users who are still to be looked up are queued."""
        job = DeliveryJob(
            payload,
            tuple(connection_ids),
            priority,
            claim.event_id,
            claim.at_ms,
            position=claim.position,
            correlation_id=claim.event_id,
            user_ids=user_ids,
            opening=opening,
        )
        if len(connection_ids) <= self._direct_max and not user_ids:
            pushed = self._pusher.push(job, DIRECT_BUDGET_SECONDS)
            if pushed.queued:
                self._admission.expect_chunks(claim, 1)
            return Outcome(claim.event_id, claim.position, pushed.delivered, pushed.queued)

        chunks = split_job(job)
        self._admission.expect_chunks(claim, len(chunks))
        self._deliveries.send(chunks)
        return Outcome(claim.event_id, claim.position, 0, len(connection_ids) + len(user_ids))
