"""`connections count` and `connections list`: who is connected."""

from __future__ import annotations

import itertools
import sys
import time
from typing import TYPE_CHECKING, Any

from deals_ops.argument_types import connection_id, user_id, whole
from deals_ops.terminal import Answer, Screen, age, moment, table
from realtime_core.adapters.dynamodb_connections import connection_from

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack
    from realtime_core.domain.model import Connection

PAGE = 50
SCAN_PAGE = 1_000
"""Outside limit: a page of a scan is 1 MB, some 2,000 records."""


def register(to: Registrar) -> None:
    """Add the commands."""
    group = to.group("connections", "who is connected: count, list")
    count = group.command("count", "how many are connected")
    count.add_argument("--user", type=user_id, help="only the connections of a user")
    count.set_defaults(run=run_count)
    listing = group.command("list", "who is connected, a page at a time, in no particular order")
    listing.add_argument("--user", type=user_id, help="only the connections of a user")
    listing.add_argument("--limit", type=whole(1, 100_000), default=PAGE, help=f"how many at most ({PAGE})")
    listing.add_argument("--after", type=connection_id, help="go on where a page ended: its `next`")
    listing.add_argument("--all", action="store_true", help="every page; reads the whole table")
    listing.set_defaults(run=run_list)


def run_count(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Count by an index, as the janitor does: about 16 queries for 100,000 connections."""
    if arguments.user:
        count = stack.connections.count_of_user(arguments.user, int(time.time()))
    else:
        with screen.progress("counting"):
            count = stack.upkeep.count()
    return Answer({"count": count}, [str(count)])


def run_list(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """List by the table, or a user's by the index."""
    if arguments.user:
        found = [
            stack.connections.get(one.connection_id) for one in stack.connections.of_user(arguments.user)
        ]
        records, following = [one for one in found if one is not None], None
    else:
        limit = sys.maxsize - 1 if arguments.all else arguments.limit
        with screen.progress("reading", None if arguments.all else limit) as advance:
            records = []
            # One more than is shown tells whether there are more.
            for record in itertools.islice(scanned(stack, arguments.after), limit + 1):
                records.append(record)
                advance(1)
        following = records[limit - 1].connection_id if len(records) > limit else None
        records = records[:limit]
    data = {"connections": [described(one) for one in records], "next": following}
    now = time.time()
    rows = (
        [
            one.connection_id,
            one.user_id,
            age(now - one.connected_at),
            moment(one.token_exp),
            len(one.subscriptions),
        ]
        for one in records
    )
    columns = ("connection", "user", "connected for", "token runs out", "subscriptions")
    more = [f"more: --after {following}"] if following else []
    return Answer(data, [table(columns, rows), *more] if records else ["nobody is connected"])


def scanned(stack: Stack, after: str | None = None, page: int = SCAN_PAGE) -> Iterator[Connection]:
    """Every connection's record, behind one of them; those that have expired are passed over."""
    parameters: dict[str, Any] = {"TableName": stack.connections_table, "Limit": page}
    if after:
        parameters["ExclusiveStartKey"] = {"connection_id": {"S": after}}
    while True:
        answer = stack.dynamodb.scan(**parameters)
        now = time.time()
        yield from (connection_from(item) for item in answer["Items"] if int(item["expires_at"]["N"]) > now)
        if not answer.get("LastEvaluatedKey"):
            return
        parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def described(record: Connection) -> dict[str, Any]:
    """A connection for scripts."""
    return {
        "connectionId": record.connection_id,
        "userId": record.user_id,
        "connectedAt": record.connected_at,
        "tokenExpiresAt": record.token_exp,
        "subscriptions": len(record.subscriptions),
    }
