"""`connections count` and `connections list`."""

from __future__ import annotations

import itertools
import sys
import time
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import integer_between, parse_connection_id, parse_user_id
from deals_ops.formatting import build_table, format_age, format_time
from deals_ops.terminal import CommandResult, Terminal
from realtime_core.connections.dynamodb import connection_from

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack
    from realtime_core.connections.base import Connection

LIMIT = 50
SCAN_LIMIT = 1_000
"""Outside limit: a page of a scan is 1 MB, some 2,000 records."""


def add_commands(parsers: CommandParsers) -> None:
    """Add the group `connections`."""
    group = parsers.add_group("connections", "count or list the open connections")

    count = group.add_command("count", "count the open connections")
    count.add_argument("--user", type=parse_user_id, help="only the connections of this user")
    count.set_defaults(run=run_count)

    listing = group.add_command("list", "list the open connections page by page, in no particular order")
    listing.add_argument("--user", type=parse_user_id, help="only the connections of this user")
    listing.add_argument(
        "--limit", type=integer_between(1, 100_000), default=LIMIT, help=f"connections a page ({LIMIT})"
    )
    listing.add_argument("--after", type=parse_connection_id, help="start after this id: `next` of a page")
    listing.add_argument("--all", action="store_true", help="all pages; reads the whole table")
    listing.set_defaults(run=run_list)


def run_count(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Count the connections by an index, as the janitor does: about 16 queries for 100,000 connections."""
    if arguments.user:
        count = stack.connections.count_of_user(arguments.user, int(time.time()))
    else:
        with terminal.show_progress("counting"):
            count = stack.count_connections()
    return CommandResult({"count": count}, [str(count)])


def run_list(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """List the connections of the table, or those of a user by the index."""
    if arguments.user:
        records, following = list_of_user(stack, arguments.user), None
    else:
        records, following = _read_page(stack, arguments, terminal)

    data = {"connections": [_describe(record) for record in records], "next": following}
    now = time.time()
    rows = (
        [
            record.connection_id,
            record.user_id,
            format_age(now - record.connected_at),
            format_time(record.token_exp),
            len(record.subscriptions),
        ]
        for record in records
    )
    columns = ("connection", "user", "connected for", "token expires", "subscriptions")
    more = [f"more: --after {following}"] if following else []
    return CommandResult(data, [build_table(columns, rows), *more] if records else ["no open connections"])


def list_of_user(stack: Stack, user_id: str) -> list[Connection]:
    """Return the records of a user's connections."""
    records = (stack.connections.get(row.connection_id) for row in stack.connections.of_user(user_id))
    return [record for record in records if record is not None]


def scan_connections(stack: Stack, after: str | None = None, limit: int = SCAN_LIMIT) -> Iterator[Connection]:
    """Yield the record of each connection that has not expired, starting after a connection id."""
    parameters: dict[str, Any] = {"TableName": stack.connections_table, "Limit": limit}
    if after:
        parameters["ExclusiveStartKey"] = {"connection_id": {"S": after}}

    while True:
        page = stack.dynamodb.scan(**parameters)
        now = time.time()
        open_ = (item for item in page["Items"] if int(item["expires_at"]["N"]) > now)
        yield from filter(None, map(connection_from, open_))
        if not page.get("LastEvaluatedKey"):
            return
        parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _read_page(stack: Stack, arguments: Namespace, terminal: Terminal) -> tuple[list[Connection], str | None]:
    """Return the records of a page, and the id after which the next page starts, if there is one."""
    limit = sys.maxsize - 1 if arguments.all else arguments.limit
    records: list[Connection] = []
    with terminal.show_progress("reading", None if arguments.all else limit) as advance:
        # Reads one more than it returns, to know whether another page follows.
        for record in itertools.islice(scan_connections(stack, arguments.after), limit + 1):
            records.append(record)
            advance(1)

    following = records[limit - 1].connection_id if len(records) > limit else None
    return records[:limit], following


def _describe(record: Connection) -> dict[str, Any]:
    return {
        "connectionId": record.connection_id,
        "userId": record.user_id,
        "connectedAt": record.connected_at,
        "tokenExpiresAt": record.token_exp,
        "subscriptions": len(record.subscriptions),
    }
