"""`publish TOPIC` and `notify USER…`: publish one event to the subscribers of a topic, or to users."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import (
    parse_duration,
    parse_event_id,
    parse_json_object,
    parse_topic,
    parse_user_id,
)
from deals_ops.errors import CallFailed, WrongArgument
from deals_ops.formatting import build_facts
from deals_ops.terminal import CommandResult, Terminal
from realtime_core.errors import ValidationFailed
from realtime_core.wire.events import parse_event

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack


def add_commands(parsers: CommandParsers) -> None:
    """Add both commands."""
    publish = parsers.add_command("publish", "publish an event to the subscribers of a topic")
    publish.add_argument("topic", type=parse_topic, metavar="TOPIC", help="all-deals, travel.flights …")
    publish.add_argument(
        "--filters",
        type=parse_json_object,
        default={},
        metavar="JSON",
        help="attributes that subscribers' filters look at before the data: JSON, @FILE, or -",
    )
    _add_event_options(publish, message_type="dealUpdate")
    publish.set_defaults(run=run_publish)

    notify = parsers.add_command("notify", "store a notification for users, and push it to those connected")
    notify.add_argument("users", type=parse_user_id, nargs="+", metavar="USER", help="up to 1,000 users")
    _add_event_options(notify, message_type="notification")
    notify.set_defaults(run=run_notify)


def _add_event_options(command: ArgumentParser, message_type: str) -> None:
    command.add_argument(
        "--data",
        type=parse_json_object,
        required=True,
        metavar="JSON",
        help="data that clients receive: JSON, @FILE, or -",
    )
    command.add_argument("--type", default=message_type, help=f"messageType of the event ({message_type})")
    command.add_argument(
        "--event-id",
        type=parse_event_id,
        help="eventId: an id is published once within 24 hours (a new one each time)",
    )
    command.add_argument(
        "--expires-in",
        type=parse_duration,
        metavar="DURATION",
        help="expiresAt: after 90s, 30m, 2h … it is no longer pushed or replayed (never)",
    )


def run_publish(stack: Stack, arguments: Namespace, _terminal: Terminal) -> CommandResult:
    """Publish an event to a topic and wait for the response."""
    event = {"messageType": arguments.type, "topic": arguments.topic, "data": arguments.data}
    if arguments.filters:
        event["filters"] = arguments.filters
    return _publish_event(stack, event, arguments)


def run_notify(stack: Stack, arguments: Namespace, _terminal: Terminal) -> CommandResult:
    """Publish an event with recipients instead of a topic, and wait for the response."""
    event = {"messageType": arguments.type, "recipients": arguments.users, "data": arguments.data}
    return _publish_event(stack, event, arguments)


def _publish_event(stack: Stack, event: dict[str, Any], arguments: Namespace) -> CommandResult:
    """Check an event as `broadcast` does, then publish it. Raises WrongArgument and CallFailed."""
    # Always with an id, so that a call that is repeated after a lost response publishes nothing twice.
    event = {**event, "eventId": arguments.event_id or f"ops-{uuid.uuid4()}"}
    if arguments.expires_in is not None:
        event["expiresAt"] = int(time.time()) + arguments.expires_in
    try:
        parse_event(event)
    except ValidationFailed as error:
        raise WrongArgument(error.message) from error

    response = stack.invoke("broadcast", event)
    body = json.loads(response["body"])
    if response["statusCode"] != 200:
        raise CallFailed(f"broadcast refused the event, which is valid by this version: {body.get('errors')}")

    labels = {
        "eventId": "event",
        "position": "position",
        "delivered": "delivered to",
        "queued": "queued for",
        "total": "connections",
    }
    return CommandResult(
        body, [build_facts((label, body[key]) for key, label in labels.items() if key in body)]
    )
