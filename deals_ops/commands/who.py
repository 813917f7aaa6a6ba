"""`who CONNECTION`: what the service and API Gateway know of a connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deals_ops.argument_types import connection_id
from deals_ops.errors import Missing
from deals_ops.terminal import Answer, Screen, facts, moment, table

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack
    from realtime_core.domain.model import Connection


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("who", "what is known of a connection")
    command.add_argument("connection", type=connection_id, metavar="CONNECTION", help="its id")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, _screen: Screen) -> Answer:
    """Look at the record and ask API Gateway."""
    record = stack.connections.get(arguments.connection)
    gateway = at_gateway(stack, arguments.connection)
    if record is None and gateway is None:
        raise Missing(f"there is no connection {arguments.connection}: it has ended, or is of another stack")
    data = {
        "connectionId": arguments.connection,
        "record": None if record is None else _record(record),
        "gateway": gateway,
    }
    return Answer(data, _shown(data))


def at_gateway(stack: Stack, connection: str) -> dict[str, Any] | None:
    """What API Gateway says of a connection, or None where it has ended."""
    try:
        answer = stack.gateway.get_connection(ConnectionId=connection)
    except ClientError as error:
        if error.response["Error"]["Code"] == "GoneException":
            return None
        raise
    identity = answer.get("Identity", {})
    return {
        "connectedAt": int(answer["ConnectedAt"].timestamp()),
        "lastActiveAt": int(answer["LastActiveAt"].timestamp()),
        "sourceIp": identity.get("SourceIp"),
        "userAgent": identity.get("UserAgent"),
    }


def _record(record: Connection) -> dict[str, Any]:
    return {
        "userId": record.user_id,
        "connectedAt": record.connected_at,
        "tokenExpiresAt": record.token_exp,
        "tokenIssuedAt": record.issued_at or None,
        "tokenId": record.token_id,
        "subscriptions": [
            {
                "topic": one.topic,
                "filters": json.loads(one.filter),
                "groupId": one.group_id,
                "shard": one.shard,
            }
            for one in record.subscriptions.values()
        ],
    }


def _shown(data: dict[str, Any]) -> list[Any]:
    record, gateway = data["record"], data["gateway"]
    lines: list[tuple[str, Any]] = [("connection", data["connectionId"])]
    if record is not None:
        lines += [
            ("user", record["userId"]),
            ("connected", moment(record["connectedAt"])),
            ("token issued", moment(record["tokenIssuedAt"])),
            ("token runs out", moment(record["tokenExpiresAt"])),
            ("token id", record["tokenId"]),
        ]
    if gateway is not None:
        lines += [
            ("last active", moment(gateway["lastActiveAt"])),
            ("address", gateway["sourceIp"]),
            ("client", gateway["userAgent"]),
        ]
    shown: list[Any] = [facts(lines)]
    if record is not None and record["subscriptions"]:
        rows = (
            [one["topic"], json.dumps(one["filters"], ensure_ascii=False), one["groupId"], one["shard"]]
            for one in record["subscriptions"]
        )
        shown += ["", table(("topic", "filters", "group", "shard"), rows)]
    if record is None:
        shown.append("no record: it is being opened or closed; else the janitor has removed it")
    if gateway is None:
        shown.append("gone at API Gateway: its `$disconnect` was lost; `kick` removes the record now")
    return shown
