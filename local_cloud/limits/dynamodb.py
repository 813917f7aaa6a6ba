"""What DynamoDB refuses for its size, by the parameters of a request alone.

Quotas: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html and the API reference of
each operation. Messages: as recorded from AWS in the tests of moto (test_dynamodb_exceptions.py) and of
dynalite.

The size that an UpdateItem gives an item, and the 1 MB of a page, depend on stored data; the emulator and
moto limit both.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from local_cloud.limits.item_sizes import count_digits, find_numbers, measure_item, measure_value
from local_cloud.limits.settings import Limits, Refusal, exceeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Item = Mapping[str, Mapping[str, Any]]
    FindKeys = Callable[[str], "KeyNames | None"]

_EXPRESSIONS = (
    "ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression",
    "UpdateExpression",
)  # fmt: skip

_IN = re.compile(r"\bIN\s*[\[(]([^\])]*)[\])]", re.IGNORECASE)


class KeyNames(NamedTuple):
    """The names of a table's key attributes; `sort` is None without a sort key."""

    partition: str
    sort: str | None = None


class ItemName(NamedTuple):
    """What is equal for equal items: the table, and the values of the key as texts."""

    table: str
    partition: str
    sort: str = ""

    def read_key(self, keys: KeyNames) -> dict[str, Any]:
        """Return the key as the API takes it."""
        values = (self.partition, self.sort)
        return {name: json.loads(text) for name, text in zip(keys, values, strict=True) if name is not None}


class Part(NamedTuple):
    """One item of a request: its table, its parameters, and the item or key that they hold, if any."""

    table: str
    parameters: Mapping[str, Any]
    item: Item | None = None
    key: Item | None = None


def check_request(
    operation: str, parameters: Mapping[str, Any], find_keys: FindKeys, limits: Limits
) -> Refusal | None:
    """Return AWS's error for a request above a limit, else None.

    `parameters` are those of the JSON protocol. `find_keys` returns the key names of a table, or None for an
    unknown table, whose keys are not measured.
    """
    if (refusal := _check_counts(operation, parameters, limits)) is not None:
        return refusal

    parts = list(_split(operation, parameters))
    for part in parts:
        if (refusal := _check_part(part, find_keys, limits)) is not None:
            return refusal

    return _check_together(operation, parts, find_keys, limits)


def list_tables(operation: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return the names of the tables whose keys a request holds."""
    parts = _split(operation, parameters)
    return {part.table for part in parts if part.item is not None or part.key is not None}


def name_items(operation: str, parameters: Mapping[str, Any], find_keys: FindKeys) -> list[ItemName | None]:
    """Return the name of each item that a request holds, in its order; Query and Scan hold none.

    None stands for an item of an unknown table.
    """
    parts = (part for part in _split(operation, parameters) if part.item is not None or part.key is not None)
    return [_name(part, find_keys) for part in parts]


def list_items(operation: str, parameters: Mapping[str, Any]) -> list[Item | None]:
    """Return the whole item that each part of a request writes; None for one that names only a key."""
    parts = _split(operation, parameters)
    return [part.item for part in parts if part.item is not None or part.key is not None]


def read_key_names(description: Mapping[str, Any]) -> KeyNames:
    """Read a table's key names from the response of DescribeTable."""
    schema = description["Table"]["KeySchema"]
    names = {element["KeyType"]: element["AttributeName"] for element in schema}
    return KeyNames(names["HASH"], names.get("RANGE"))


def _split(operation: str, parameters: Mapping[str, Any]) -> Iterator[Part]:
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        for action in parameters.get("TransactItems", ()):
            for body in action.values():
                yield Part(body.get("TableName", ""), body, body.get("Item"), body.get("Key"))
    elif operation == "BatchWriteItem":
        for table, requests in parameters.get("RequestItems", {}).items():
            for body in (body for request in requests for body in request.values()):
                yield Part(table, {}, body.get("Item"), body.get("Key"))
    elif operation == "BatchGetItem":
        for table, request in parameters.get("RequestItems", {}).items():
            yield Part(table, request)
            yield from (Part(table, {}, key=key) for key in request.get("Keys", ()))
    elif operation in {"PutItem", "GetItem", "UpdateItem", "DeleteItem", "Query", "Scan"}:
        yield Part(parameters.get("TableName", ""), parameters, parameters.get("Item"), parameters.get("Key"))


def _check_counts(operation: str, parameters: Mapping[str, Any], limits: Limits) -> Refusal | None:
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        items = parameters.get("TransactItems", ())
        if exceeds(len(items), limits.dynamodb_transaction_items):
            return _refuse(
                f"1 validation error detected: Value '{json.dumps(items)[:200]}' at 'transactItems' failed "
                "to satisfy constraint: Member must have length less than or equal to "
                f"{limits.dynamodb_transaction_items}"
            )
    elif operation == "BatchWriteItem":
        count = sum(len(requests) for requests in parameters.get("RequestItems", {}).values())
        if exceeds(count, limits.dynamodb_batch_write_items):
            return _refuse("Too many items requested for the BatchWriteItem call")
    elif operation == "BatchGetItem":
        count = sum(len(body.get("Keys", ())) for body in parameters.get("RequestItems", {}).values())
        if exceeds(count, limits.dynamodb_batch_get_items):
            return _refuse("Too many items requested for the BatchGetItem call")
    elif operation == "ExecuteStatement":
        return _check_statement(str(parameters.get("Statement", "")), limits)
    return None


def _check_statement(statement: str, limits: Limits) -> Refusal | None:
    """The length of a statement, and the keys of its IN, which may be other attributes' values: 100 of them.

    What the message for too many is on AWS is not documented.
    """
    if exceeds(len(statement), limits.dynamodb_statement_characters):
        return _refuse(
            f"1 validation error detected: Value '{statement[:200]}' at 'statement' failed to satisfy "
            "constraint: Member must have length less than or equal to "
            f"{limits.dynamodb_statement_characters}"
        )
    for operands in _IN.findall(statement):
        count = operands.count(",") + 1
        if exceeds(count, limits.dynamodb_statement_keys):
            return _refuse(f"The IN operator is provided with too many operands: {count}")
    return None


def _check_part(part: Part, find_keys: FindKeys, limits: Limits) -> Refusal | None:
    for name in _EXPRESSIONS:
        size = len(str(part.parameters.get(name) or "").encode())
        if exceeds(size, limits.dynamodb_expression_bytes):
            return _refuse(
                f"Invalid {name}: Expression size has exceeded the maximum allowed size; "
                f"expression size: {size}"
            )

    attributes = part.item or part.key or {}
    values = part.parameters.get("ExpressionAttributeValues") or {}
    for value in (*attributes.values(), *values.values()):
        digits = max(map(count_digits, find_numbers(value)), default=0)
        if exceeds(digits, limits.dynamodb_number_digits):
            limit = limits.dynamodb_number_digits
            return _refuse(f"Attempting to store more than {limit} significant digits in a Number")

    if attributes and (refusal := _check_keys(attributes, find_keys(part.table), limits)) is not None:
        return refusal
    if part.item is not None and exceeds(measure_item(part.item), limits.dynamodb_item_bytes):
        return _refuse("Item size has exceeded the maximum allowed size")
    return None


def _check_keys(attributes: Item, keys: KeyNames | None, limits: Limits) -> Refusal | None:
    if keys is None:
        return None

    partition, sort = attributes.get(keys.partition), attributes.get(keys.sort or "")
    if partition and exceeds(measure_value(partition), limits.dynamodb_partition_key_bytes):
        # AWS's message has no space there.
        return _refuse(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit "
            f"of{limits.dynamodb_partition_key_bytes} bytes"
        )
    if sort and exceeds(measure_value(sort), limits.dynamodb_sort_key_bytes):
        return _refuse(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the "
            f"size limit of {limits.dynamodb_sort_key_bytes} bytes"
        )
    return None


def _check_together(operation: str, parts: list[Part], find_keys: FindKeys, limits: Limits) -> Refusal | None:
    is_transaction = operation in {"TransactWriteItems", "TransactGetItems"}
    if limits.dynamodb_distinct_items and (is_transaction or operation.startswith("Batch")):
        targets = [target for part in parts if (target := _identify(part, find_keys)) is not None]
        if len(set(targets)) < len(targets):
            return _refuse(
                "Transaction request cannot include multiple operations on one item"
                if is_transaction
                else "Provided list of item keys contains duplicates"
            )

    # "The aggregate size of the items in the transaction cannot exceed 4 MB"; AWS documents no message.
    size = sum(_measure_part(part) for part in parts)
    if operation == "TransactWriteItems" and exceeds(size, limits.dynamodb_transaction_bytes):
        return _refuse("Transaction request exceeds the 4MB transaction size limit")
    return None


def _identify(part: Part, find_keys: FindKeys) -> str | None:
    """Return a text that is the same for equal tables and keys, None when the key is not known."""
    if part.key is not None:
        return f"{part.table} {_dump(part.key)}"
    keys = find_keys(part.table)
    if part.item is None or keys is None:
        return None
    return f"{part.table} {_dump({name: part.item.get(name) for name in keys if name is not None})}"


def name_item(table: str, attributes: Item, keys: KeyNames) -> ItemName:
    """Return the name of an item, or of its key."""
    sort = "" if keys.sort is None else _dump(attributes.get(keys.sort, {}))
    return ItemName(table, _dump(attributes.get(keys.partition, {})), sort)


def _name(part: Part, find_keys: FindKeys) -> ItemName | None:
    keys = find_keys(part.table)
    attributes = part.item if part.item is not None else part.key
    return None if keys is None or attributes is None else name_item(part.table, attributes, keys)


def _dump(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True, default=repr)


def _measure_part(part: Part) -> int:
    """Return the size of what a part of a transaction writes, as far as the request shows it."""
    values = part.parameters.get("ExpressionAttributeValues") or {}
    return measure_item(part.item or part.key or {}) + sum(map(measure_value, values.values()))


def _refuse(message: str) -> Refusal:
    return Refusal("ValidationException", message)
