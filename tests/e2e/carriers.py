"""Carriers in front of the events queue, wired as the module fan-out does: with their envelopes."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.service import Service


class Carrier(NamedTuple):
    """`publish` hands an event over and returns the carrier's id; `envelope` is what it makes of the two."""

    publish: Callable[[Any], str]
    envelope: Callable[[Any, str], Any]


@contextmanager
def sns(service: Service) -> Iterator[Carrier]:
    """A topic to which the events queue is subscribed."""
    client = service.stack.client("sns")
    topic = client.create_topic(Name=f"prices-{uuid.uuid4()}")["TopicArn"]
    with ExitStack() as cleanup:
        cleanup.callback(client.delete_topic, TopicArn=topic)
        cleanup.enter_context(service.admitting("events", "sns.amazonaws.com", topic))
        client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=service.queue_arn("events"))
        yield Carrier(
            lambda event: str(client.publish(TopicArn=topic, Message=json.dumps(event))["MessageId"]),
            lambda event, carrier_id: {
                "Type": "Notification", "MessageId": carrier_id, "Message": json.dumps(event)
            },
        )  # fmt: skip


@contextmanager
def eventbridge(service: Service) -> Iterator[Carrier]:
    """A rule whose target is the events queue."""
    client = service.stack.client("events")
    name = f"catalogue-{uuid.uuid4()}"
    with ExitStack() as cleanup:
        rule = client.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
        cleanup.callback(client.delete_rule, Name=name)
        cleanup.enter_context(service.admitting("events", "events.amazonaws.com", rule))
        client.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": service.queue_arn("events")}])
        cleanup.callback(client.remove_targets, Rule=name, Ids=["queue"])

        def publish(event: Any) -> str:
            entry = {"Source": name, "DetailType": "DealPublished", "Detail": json.dumps(event)}
            return str(client.put_events(Entries=[entry])["Entries"][0]["EventId"])

        def envelope(event: Any, carrier_id: str) -> Any:
            metadata = {"version": "0", "id": carrier_id, "detail-type": "DealPublished", "source": name}
            return {**metadata, "detail": event}

        yield Carrier(publish, envelope)
