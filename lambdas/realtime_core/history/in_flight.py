"""The counter item of the history table: the newest position, the lowest kept, and what is in the air."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.aws.dynamodb import ConditionFailed, Item, perform
from realtime_core.errors import StoreUnavailable
from realtime_core.history.base import StreamBounds, expired, lowest_in_flight

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

COUNTER: Item = {"pk": {"S": "counter"}, "position": {"N": "0"}}


class DynamoPositions:
    """Gives out positions: every call is one atomic update of one item, so about a thousand a second."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def allocate(self, in_flight_id: str, now_s: int) -> tuple[int, int]:
        """A new position, and the lowest one in the air (one write)."""
        try:
            answer = self._count(in_flight_id)
        except StoreUnavailable:
            # SET cannot make an entry of a map that is not there: so it is once in the life of a table.
            self._create()
            answer = self._count(in_flight_id)
        counter = answer["Attributes"]
        flying = _in_flight(counter)
        if old := expired(flying, now_s):
            self.complete(*old)
        position = int(counter["n"]["N"])
        return position, lowest_in_flight(flying, position, now_s)

    def complete(self, *in_flight_ids: str) -> None:
        """End flights (one write); one that has ended already is no error."""
        names = {f"#f{place}": in_flight_id for place, in_flight_id in enumerate(in_flight_ids)}
        self._update("REMOVE " + ", ".join(f"flying.{name}" for name in names), names=names)

    def raise_floor(self, floor: int) -> None:
        """Say that nothing below a position is kept any longer (one write)."""
        self._update("SET floor = :floor", values={":floor": {"N": str(floor)}})

    def bounds(self, now_s: int) -> StreamBounds:
        """How far the history reaches (one consistent read)."""
        answer = perform(
            lambda: self._client.get_item(TableName=self._table, Key=COUNTER, ConsistentRead=True)
        )
        return bounds_from(answer.get("Item", {}), now_s)

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
            return  # somebody else was first

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
    """The bounds that the counter's item tells; nothing was ever published where there is none."""
    newest = int(item["n"]["N"]) if item else 0
    floor = int(item["floor"]["N"]) if item else 1
    return StreamBounds(newest, floor, lowest_in_flight(_in_flight(item), newest + 1, now_s) - 1)


def _in_flight(item: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.get("flying", {"M": {}})["M"].items()}
