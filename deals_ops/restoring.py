"""Copies what is lost from a restored table back into the one in service, while that goes on serving.

Only records are copied, and only those that are missing: what was written since stays as it is. Counters and
other structures are the table's own; where entries of an inbox come back, their unread counts are put right.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime_core.aws.dynamodb import READ_MAX, ConditionFailed, Item, get_all, perform, query, read_number
from realtime_core.concurrency import batches, map_concurrently
from realtime_core.lifetimes import DAY_SECONDS
from realtime_core.messages.base import counted_until
from realtime_core.messages.dynamodb_items import ENTRY, UNREAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIDE_BY_SIDE = 8

KEYS = {"messages": ("user_id", "sk"), "history": ("pk", "position"), "revocations": ("subject",)}
"""The tables that are worth restoring, with their keys; clients make the others' items again."""
RECORDS = {"messages": {"sk": (ENTRY, "r#")}, "history": {"pk": ("b#", "e#")}, "revocations": {}}
"""Which items are records, by how an attribute of the key begins: docs/schema.md."""


class Copied(NamedTuple):
    """What a copy did, or would do."""

    copied: int
    present: int
    """Records that the table in service has."""
    expired: int
    inboxes: int
    """Inboxes whose unread count was looked at."""


def copy_records(
    client: Any,
    table: str,
    *,
    source: str,
    target: str,
    now: int,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _number: None,
) -> Copied:
    """Copy the records of a table (`messages`, `history` or `revocations`) that `target` lacks from `source`.

    Safe to repeat. `now` is in epoch seconds. Raises StoreUnavailable; then a repetition copies the rest.
    """
    names = KEYS[table]
    condition = f"attribute_not_exists({names[0]})"
    counts: defaultdict[str, int] = defaultdict(int)
    users: set[str] = set()

    def put(item: Item) -> bool:
        try:
            perform(lambda: client.put_item(TableName=target, Item=item, ConditionExpression=condition))
        except ConditionFailed:
            return False  # it was stored again meanwhile
        return True

    for items in _scan(client, source):
        records = [item for item in items if _is_record(table, item)]
        kept = [item for item in records if read_number(item, "expires_at", now + 1) > now]
        counts["expired"] += len(records) - len(kept)
        for some in batches(kept, READ_MAX):
            missing = _missing(client, target, names, some)
            stored = len(missing) if dry_run else sum(map_concurrently(put, missing, SIDE_BY_SIDE))
            counts["copied"] += stored
            counts["present"] += len(some) - stored
            users.update(item["user_id"]["S"] for item in missing if table == "messages" and _is_entry(item))
        advance(len(items))

    if not dry_run:
        map_concurrently(lambda user: count_unread(client, target, user, now), list(users), SIDE_BY_SIDE)
    return Copied(counts["copied"], counts["present"], counts["expired"], len(users))


def count_unread(client: Any, table: str, user_id: str, now: int) -> int:
    """Put the unread counters of an inbox right (two queries, and a write for each day that differs).

    Returns how many entries are unread. What is stored or read between the queries may be counted wrong.
    """
    unread: defaultdict[int, int] = defaultdict(int)
    for item in _query(client, table, user_id, ENTRY):
        ends = read_number(item, "expires_at")
        if ends > now and item["status"]["S"] != "read":
            unread[counted_until(ends)] += 1

    counted: defaultdict[int, int] = defaultdict(int)
    for item in _query(client, table, user_id, UNREAD):
        counted[read_number(item, "expires_at")] += read_number(item, "n")

    for ends in {*unread, *counted}:
        if ends > now and unread[ends] != counted[ends]:
            _add(client, table, user_id, ends, unread[ends] - counted[ends])
    return sum(unread.values())


def _add(client: Any, table: str, user_id: str, ends: int, number: int) -> None:
    """Add to a counter of the entries of a day, whose counters end at `ends`."""
    day = (ends - 1) // DAY_SECONDS
    perform(
        lambda: client.update_item(
            TableName=table,
            Key={"user_id": {"S": user_id}, "sk": {"S": f"{UNREAD}{day}#0"}},
            UpdateExpression="SET expires_at = :ends ADD n :number",
            ExpressionAttributeValues={":ends": {"N": str(ends)}, ":number": {"N": str(number)}},
        )
    )


def _scan(client: Any, table: str) -> Iterator[list[Item]]:
    start: dict[str, Any] = {}
    while True:
        page = perform(lambda: client.scan(TableName=table, ConsistentRead=True, **start))  # noqa: B023 - at once
        yield page["Items"]
        if not page.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _query(client: Any, table: str, user_id: str, prefix: str) -> Iterator[Item]:
    pages = query(
        client,
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="user_id = :user AND begins_with(sk, :prefix)",
        ExpressionAttributeValues={":user": {"S": user_id}, ":prefix": {"S": prefix}},
    )
    for items, _ in pages:
        yield from items


def _is_record(table: str, item: Item) -> bool:
    return all(item[name]["S"].startswith(begins) for name, begins in RECORDS[table].items())


def _is_entry(item: Item) -> bool:
    return bool(item["sk"]["S"].startswith(ENTRY))


def _missing(client: Any, table: str, names: tuple[str, ...], items: Sequence[Item]) -> list[Item]:
    """The items that a table does not have."""

    def key_of(item: Item) -> tuple[str, ...]:
        return tuple(str(item[name]) for name in names)

    keys = [{name: item[name] for name in names} for item in items]
    present = {key_of(item) for item in get_all(client, {table: keys})[table]} if keys else set()
    return [item for item in items if key_of(item) not in present]
