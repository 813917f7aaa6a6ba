"""The counter and the floor of the history table: the newest position, and the lowest that is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.aws.dynamodb import ConditionFailed, Item, get_all, number, perform, read_number
from realtime_core.history.base import POSITIONS_PER_MS, HistoryBounds
from realtime_core.history.dynamodb_items import COUNTER, FLOOR

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def allocate(client: DynamoDBClient, table: str, count: int, now_ms: int) -> int:
    """Allocate `count` positions; returns the first (one write, the only one to the counter's item).

    A history without events begins here. Outside limit: an item takes 1,000 writes a second.
    """
    response = perform(
        lambda: client.update_item(
            TableName=table,
            Key=COUNTER,
            UpdateExpression="SET n = if_not_exists(n, :before) + :count,"
            " began = if_not_exists(began, :began), #floor = if_not_exists(#floor, :began)",
            ExpressionAttributeNames={"#floor": "floor"},
            ExpressionAttributeValues={**_beginning(now_ms), ":count": number(count)},
            ReturnValues="UPDATED_NEW",
        )
    )
    return read_number(response["Attributes"], "n") - count + 1


def begin(client: DynamoDBClient, table: str, now_ms: int) -> None:
    """Begin the history, unless it has begun (one write): then even its first subscriber hears a position."""
    try:
        perform(
            lambda: client.update_item(
                TableName=table,
                Key=COUNTER,
                UpdateExpression="SET n = :before, began = :began, #floor = :began",
                ConditionExpression="attribute_not_exists(pk)",
                ExpressionAttributeNames={"#floor": "floor"},
                ExpressionAttributeValues=_beginning(now_ms),
            )
        )
    except ConditionFailed:
        return  # a publisher was first


def bounds_from(counter: Item, floor: Item) -> HistoryBounds:
    """The bounds of the two items, either of which may be empty.

    The first release kept its floor in the counter's item and knew no beginning; its history is not whole.
    """
    newest = read_number(counter, "n")
    if not newest:
        return HistoryBounds()
    first = read_number(counter, "floor", 1)
    return HistoryBounds(
        newest,
        max(first, read_number(floor, "floor", 1)),
        whole=not floor and first == read_number(counter, "began"),
    )


def read_bounds(client: DynamoDBClient, table: str) -> tuple[HistoryBounds, int]:
    """The bounds, and the position below which no item is left (one consistent read)."""
    found = {item["pk"]["S"]: item for item in get_all(client, {table: [COUNTER, FLOOR]})[table]}
    counter, floor = found.get("counter", {}), found.get("floor", {})
    bounds = bounds_from(counter, floor)
    return bounds, min(bounds.floor, read_number(floor, "trimmed", bounds.floor))


def raise_floor(client: DynamoDBClient, table: str, floor: int, trimmed: int) -> None:
    """Record that no event below `floor` counts as stored, and that no item below `trimmed` is left."""
    perform(
        lambda: client.update_item(
            TableName=table,
            Key=FLOOR,
            UpdateExpression="SET #floor = :floor, trimmed = :trimmed",
            ExpressionAttributeNames={"#floor": "floor"},
            ExpressionAttributeValues={":floor": number(floor), ":trimmed": number(trimmed)},
        )
    )


def _beginning(now_ms: int) -> Item:
    began = now_ms * POSITIONS_PER_MS
    return {":before": number(began - 1), ":began": number(began)}
