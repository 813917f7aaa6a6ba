"""On request: global secondary indexes that lag behind their table.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html, "Data synchronization between tables and
Global Secondary Indexes": indexes are updated asynchronously and read with eventual consistency.

The model: an index shows each item as it was N milliseconds ago. What a Query or Scan of the emulator's index
returns is corrected by the items' earlier states, which are noted with each write: an item that was not there
yet, or under another key of the index, is left out, and one that was changed shows its earlier attributes.
Not modelled: an item that was deleted or moved away is missing at once, where AWS may return it a little
longer; a filter, a sort condition and the order of a page see the new attributes.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from local_cloud.limits.dynamodb import KeyNames, name_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local_cloud.limits.dynamodb import Item, ItemName

_MISSING = object()


class IndexShape(NamedTuple):
    """An index's keys, and the attributes that it holds; None for all of them."""

    keys: KeyNames
    attributes: frozenset[str] | None


class TableShape(NamedTuple):
    """A table's keys and its global secondary indexes by name."""

    keys: KeyNames
    indexes: Mapping[str, IndexShape]


class IndexLag:
    """The earlier states of items. `now` returns seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._before: defaultdict[ItemName, deque[tuple[float, Item | None]]] = defaultdict(deque)

    def note(self, name: ItemName, before: Item | None, lag_ms: int) -> None:
        """Note that an item was written now, and how it was before; None where there was none."""
        states = self._before[name]
        while states and states[0][0] <= self._now() - lag_ms / 1000:
            states.popleft()
        states.append((self._now(), before))

    def correct(
        self, response: Mapping[str, Any], parameters: Mapping[str, Any], shape: TableShape, lag_ms: int
    ) -> dict[str, Any]:
        """Return the response of a Query or Scan of an index as it was `lag_ms` ago."""
        index = shape.indexes[parameters["IndexName"]]
        is_projected = "ProjectionExpression" in parameters
        items = []

        for item in response.get("Items", ()):
            before = self._find(name_item(parameters["TableName"], item, shape.keys), lag_ms)
            if before is _MISSING:
                items.append(item)
            elif before is not None and _is_at_same_place(before, item, index.keys):
                shown = item.keys() if is_projected else index.attributes or before.keys()
                items.append({name: value for name, value in before.items() if name in shown})

        hidden = len(response.get("Items", ())) - len(items)
        return {**response, "Items": items, "Count": response.get("Count", hidden) - hidden}

    def _find(self, name: ItemName, lag_ms: int) -> Any:
        """Return the state of an item `lag_ms` ago: `_MISSING` if it has not changed since."""
        since = self._now() - lag_ms / 1000
        states = self._before.get(name, ())
        return next((before for at, before in states if at > since), _MISSING)


def _is_at_same_place(before: Item, item: Item, keys: KeyNames) -> bool:
    return all(before.get(name) == item.get(name) for name in keys if name is not None)


def read_table_shape(description: Mapping[str, Any]) -> TableShape:
    """Read a table's keys and indexes from the response of DescribeTable."""
    table = description["Table"]
    keys = _read_keys(table)
    indexes = {}
    for index in table.get("GlobalSecondaryIndexes") or ():
        own, projection = _read_keys(index), index.get("Projection", {})
        named = {*projection.get("NonKeyAttributes", ()), *keys, *own} - {None}
        everything = projection.get("ProjectionType") == "ALL"
        indexes[index["IndexName"]] = IndexShape(own, None if everything else frozenset(map(str, named)))
    return TableShape(keys, indexes)


def _read_keys(described: Mapping[str, Any]) -> KeyNames:
    names = {element["KeyType"]: element["AttributeName"] for element in described["KeySchema"]}
    return KeyNames(names["HASH"], names.get("RANGE"))
