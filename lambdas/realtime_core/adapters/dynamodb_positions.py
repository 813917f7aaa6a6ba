"""The counter item of the history table: the newest position, the lowest kept, and what is in the air."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.adapters.dynamodb import ConditionFailed, Item, perform
from realtime_core.domain.history import Horizon, grounded, lowest
from realtime_core.errors import StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

COUNTER: Item = {"pk": {"S": "counter"}, "position": {"N": "0"}}


class DynamoPositions:
    """Gives out positions: every call is one atomic update of one item, so about a thousand a second."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def take_off(self, flight: str, now_s: int) -> tuple[int, int]:
        """A new position, and the lowest one in the air (one write)."""
        try:
            answer = self._count(flight)
        except StoreUnavailable:
            # SET cannot make an entry of a map that is not there: so it is once in the life of a table.
            self._create()
            answer = self._count(flight)
        counter = answer["Attributes"]
        flying = _flying(counter)
        if old := grounded(flying, now_s):
            self.touch_down(*old)
        position = int(counter["n"]["N"])
        return position, lowest(flying, position, now_s)

    def touch_down(self, *flights: str) -> None:
        """End flights (one write); one that has ended already is no error."""
        names = {f"#f{place}": flight for place, flight in enumerate(flights)}
        self._update("REMOVE " + ", ".join(f"flying.{name}" for name in names), names=names)

    def raise_floor(self, floor: int) -> None:
        """Say that nothing below a position is kept any longer (one write)."""
        self._update("SET floor = :floor", values={":floor": {"N": str(floor)}})

    def horizon(self, now_s: int) -> Horizon:
        """How far the history reaches (one consistent read)."""
        answer = perform(
            lambda: self._client.get_item(TableName=self._table, Key=COUNTER, ConsistentRead=True)
        )
        return horizon_from(answer.get("Item", {}), now_s)

    def _count(self, flight: str) -> Any:
        return self._update(
            "SET n = n + :one, flying.#flight = n + :one",
            values={":one": {"N": "1"}},
            names={"#flight": flight},
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


def horizon_from(item: Item, now_s: int) -> Horizon:
    """The horizon that the counter's item tells; nothing was ever published where there is none."""
    newest = int(item["n"]["N"]) if item else 0
    floor = int(item["floor"]["N"]) if item else 1
    return Horizon(newest, floor, lowest(_flying(item), newest + 1, now_s) - 1)


def _flying(item: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.get("flying", {"M": {}})["M"].items()}
