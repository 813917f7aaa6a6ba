"""The counter item of the history table: the newest position, the lowest stored, and those in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import StreamBounds, expired, lowest_in_flight

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

COUNTER: Item = {"pk": {"S": "counter"}, "position": {"N": "0"}}


class DynamoPositions:
    """Allocates positions. Each call updates the same item, so about a thousand a second is the limit."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def allocate(self, in_flight_id: str, now_s: int) -> tuple[int, int]:
        """Allocate a position; returns it and the lowest position in flight (one write)."""
        try:
            response = self._count(in_flight_id)
        except StoreUnavailable:
            # SET cannot add an entry to a map that does not exist, which happens once in the life of a table.
            self._create()
            response = self._count(in_flight_id)
        counter = response["Attributes"]
        in_flight = _in_flight(counter)
        if old := expired(in_flight, now_s):
            self.complete(*old)
        position = int(counter["n"]["N"])
        return position, lowest_in_flight(in_flight, position, now_s)

    def complete(self, *in_flight_ids: str) -> None:
        """Remove ids from those in flight (one write); one that is not in flight is not an error."""
        names = {f"#f{index}": in_flight_id for index, in_flight_id in enumerate(in_flight_ids)}
        self._update("REMOVE " + ", ".join(f"flying.{name}" for name in names), names=names)

    def raise_floor(self, floor: int) -> None:
        """Record that no event below a position is stored any more (one write)."""
        self._update("SET floor = :floor", values={":floor": {"N": str(floor)}})

    def bounds(self, now_s: int) -> StreamBounds:
        """The range of the history (one consistent read)."""
        response = perform(
            lambda: self._client.get_item(TableName=self._table, Key=COUNTER, ConsistentRead=True)
        )
        return bounds_from(response.get("Item", {}), now_s)

    def _count(self, in_flight_id: str) -> Any:
        return self._update(
            "SET n = n + :one, flying.#flight = n + :one",
            values={":one": {"N": "1"}},
            names={"#flight": in_flight_id},
            ReturnValues="ALL_NEW",
        )

    def _create(self) -> None:
        item = {**COUNTER, "n": {"N": "0"}, "floor": {"N": "1"}, "flying": {"M": {}}}
        try:
            perform(
                lambda: self._client.put_item(
                    TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
                )
            )
        except ConditionFailed:
            return  # another process was first

    def _update(
        self, expression: str, values: Item | None = None, names: dict[str, str] | None = None, **more: Any
    ) -> Any:
        if values:
            more["ExpressionAttributeValues"] = values
        if names:
            more["ExpressionAttributeNames"] = names
        return perform(
            lambda: self._client.update_item(
                TableName=self._table, Key=COUNTER, UpdateExpression=expression, **more
            )
        )


def bounds_from(item: Item, now_s: int) -> StreamBounds:
    """The bounds of the counter item; empty if nothing was ever published."""
    newest = int(item["n"]["N"]) if item else 0
    floor = int(item["floor"]["N"]) if item else 1
    return StreamBounds(newest, floor, lowest_in_flight(_in_flight(item), newest + 1, now_s) - 1)


def _in_flight(item: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.get("flying", {"M": {}})["M"].items()}
