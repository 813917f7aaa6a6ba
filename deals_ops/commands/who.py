"""`who CONNECTION`: what the service and API Gateway know of a connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deals_ops.argument_types import parse_connection_id
from deals_ops.errors import Missing
from deals_ops.formatting import build_facts, build_table, format_time
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack
    from realtime_core.connections.base import Connection


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("who", "show what is known of a connection")
    command.add_argument("connection", type=parse_connection_id, metavar="CONNECTION", help="its id")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, _terminal: Terminal) -> CommandResult:
    """Read the record of a connection, and ask API Gateway about it. Raises Missing if neither has it."""
    connection_id = arguments.connection
    record = stack.connections.get(connection_id)
    gateway = _describe_at_gateway(stack, connection_id)
    if record is None and gateway is None:
        raise Missing(f"there is no connection {connection_id}: it has ended, or belongs to another stack")

    data = {
        "connectionId": connection_id,
        "record": None if record is None else _describe_record(record),
        "gateway": gateway,
    }
    return CommandResult(data, _build_display(data))


def _describe_at_gateway(stack: Stack, connection_id: str) -> dict[str, Any] | None:
    """What API Gateway knows of a connection, or None if it has ended."""
    try:
        response = stack.gateway.get_connection(ConnectionId=connection_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "GoneException":
            return None
        raise
    identity = response.get("Identity", {})
    return {
        "connectedAt": int(response["ConnectedAt"].timestamp()),
        "lastActiveAt": int(response["LastActiveAt"].timestamp()),
        "sourceIp": identity.get("SourceIp"),
        "userAgent": identity.get("UserAgent"),
    }


def _describe_record(record: Connection) -> dict[str, Any]:
    return {
        "userId": record.user_id,
        "connectedAt": record.connected_at,
        "tokenExpiresAt": record.token_exp,
        "tokenIssuedAt": record.issued_at or None,
        "tokenId": record.token_id,
        "topics": _list(record.permissions.topics),
        "recipients": _list(record.permissions.recipients),
        "subscriptions": [
            {
                "topic": subscription.topic,
                "filters": json.loads(subscription.filter),
                "groupId": subscription.group_id,
                "shard": subscription.shard,
            }
            for subscription in record.subscriptions.values()
        ],
    }


def _format_patterns(patterns: list[str] | None, everything: str) -> str:
    return everything if patterns is None else " ".join(patterns) or "nobody"


def _list(patterns: tuple[str, ...] | None) -> list[str] | None:
    return None if patterns is None else list(patterns)


def _build_display(data: dict[str, Any]) -> list[Any]:
    record, gateway = data["record"], data["gateway"]
    facts: list[tuple[str, Any]] = [("connection", data["connectionId"])]
    if record is not None:
        facts += [
            ("user", record["userId"]),
            ("connected", format_time(record["connectedAt"])),
            ("token issued", format_time(record["tokenIssuedAt"])),
            ("token expires", format_time(record["tokenExpiresAt"])),
            ("token id", record["tokenId"]),
            ("may subscribe to", _format_patterns(record["topics"], "every public topic")),
            ("may write to", _format_patterns(record["recipients"], "everybody")),
        ]
    if gateway is not None:
        facts += [
            ("last active", format_time(gateway["lastActiveAt"])),
            ("address", gateway["sourceIp"]),
            ("client", gateway["userAgent"]),
        ]
    display: list[Any] = [build_facts(facts)]

    if record is not None and record["subscriptions"]:
        rows = (
            [
                subscription["topic"],
                json.dumps(subscription["filters"], ensure_ascii=False),
                subscription["groupId"],
                subscription["shard"],
            ]
            for subscription in record["subscriptions"]
        )
        display += ["", build_table(("topic", "filters", "group", "shard"), rows)]

    if record is None:
        display.append("no record: the connection is being opened or closed, or the janitor removed it")
    if gateway is None:
        display.append("gone at API Gateway: its `$disconnect` was lost; `kick` removes the record now")
    return display
