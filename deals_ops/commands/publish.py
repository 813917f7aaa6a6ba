"""`publish TOPIC`: one event for the subscribers of a topic, as any backend publishes it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import event_id, json_object, topic
from deals_ops.errors import CallFailed, WrongArgument
from deals_ops.terminal import Answer, Screen, facts
from realtime_core.domain.events import parse_event
from realtime_core.errors import ValidationFailed

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("publish", "publish an event to the subscribers of a topic")
    command.add_argument("topic", type=topic, metavar="TOPIC", help="all-deals, or such as travel.flights")
    command.add_argument(
        "--filters",
        type=json_object,
        default={},
        metavar="JSON",
        help="attributes that subscribers' filters look at before the data; also @FILE or -",
    )
    add_event_options(command, message_type="dealUpdate")
    command.set_defaults(run=run)


def add_event_options(command: ArgumentParser, message_type: str) -> None:
    """What every event has."""
    command.add_argument(
        "--data", type=json_object, required=True, metavar="JSON", help="what they get: JSON, @FILE, or -"
    )
    command.add_argument("--type", default=message_type, help=f"its messageType ({message_type})")
    command.add_argument(
        "--event-id", type=event_id, help="the same id within 24 hours is one event (one of its own)"
    )


def run(stack: Stack, arguments: Namespace, _screen: Screen) -> Answer:
    """Publish and wait for the answer."""
    event = {"messageType": arguments.type, "topic": arguments.topic, "data": arguments.data}
    if arguments.filters:
        event["filters"] = arguments.filters
    return published(stack, event, arguments.event_id)


def published(stack: Stack, event: dict[str, Any], wanted_id: str | None) -> Answer:
    """Check an event as `broadcast` does, publish it, and say what came of it.

    It has an id whoever asks, so that a call repeated after a lost answer publishes nothing twice.
    """
    event = {**event, "eventId": wanted_id or f"ops-{uuid.uuid4()}"}
    try:
        parse_event(event)
    except ValidationFailed as error:
        raise WrongArgument(error.message) from error
    answer = stack.invoke("broadcast", event)
    body = json.loads(answer["body"])
    if answer["statusCode"] != 200:
        raise CallFailed(f"broadcast refused the event, though it is good here: {body.get('errors')}")
    names = {
        "eventId": "event",
        "position": "position",
        "delivered": "delivered to",
        "queued": "queued for",
        "total": "connections",
    }
    return Answer(body, [facts((shown, body[name]) for name, shown in names.items() if name in body)])
