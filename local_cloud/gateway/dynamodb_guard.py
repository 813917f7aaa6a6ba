"""The rules of DynamoDB that need more than a request: tables, what is under way, and stored items."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from local_cloud.limits import dynamodb, throughput
from local_cloud.limits.conflicts import OngoingItems
from local_cloud.limits.index_lag import IndexLag, TableShape, read_table_shape
from local_cloud.limits.item_sizes import measure_item
from local_cloud.limits.throughput import Partition, Throughput, Use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from local_cloud.limits.dynamodb import ItemName, KeyNames
    from local_cloud.limits.settings import Limits, Refusal

logger = logging.getLogger(__name__)

# Calls that change a table's keys, or the table behind a name.
_TABLE_CHANGES = frozenset({"CreateTable", "DeleteTable", "UpdateTable"})
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
_QUERIES = frozenset({"Query", "Scan"})
_EQUALITY = re.compile(r"([#\w.]+)\s*=\s*(:\w+)")


class Admission(NamedTuple):
    """Whether a call may be made, and what is done with the body of its response when it succeeded."""

    refusal: Refusal | None
    finish: Callable[[bytes], bytes] | None = None


class DynamoGuard:
    """Admits calls of DynamoDB; it asks the emulator behind it for tables and, on request, for items."""

    def __init__(self, client: Any, limits: Limits) -> None:
        self._client, self._limits = client, limits
        self._tables: dict[str, TableShape] = {}
        self._ongoing = OngoingItems()
        self._throughput = Throughput(time.monotonic)
        self._lag = IndexLag(time.monotonic)

    @asynccontextmanager
    async def admit(self, operation: str, parameters: Mapping[str, Any]) -> AsyncIterator[Admission]:
        """Check a call; it counts as under way until the block ends.

        Raises AttributeError, TypeError or ValueError for malformed parameters, before the block begins.
        """
        if operation in _TABLE_CHANGES:
            self._tables.pop(str(parameters.get("TableName")), None)
        await self._read_tables(operation, parameters)

        limits = self._limits
        refusal = dynamodb.check_request(operation, parameters, self._find_keys, limits)
        names = dynamodb.name_items(operation, parameters, self._find_keys)
        if refusal is None:
            refusal = self._ongoing.begin(operation, names, limits)
        if refusal is not None:
            yield Admission(refusal)
            return

        try:
            yield await self._admit_on_request(operation, parameters, names)
        finally:
            self._ongoing.end(operation, names)

    async def find_partition_key(self, table: str) -> str | None:
        """Return the name of a table's partition key; None for an unknown table."""
        await self._read_shapes({table})
        keys = self._find_keys(table)
        return keys.partition if keys else None

    def _find_keys(self, table: str) -> KeyNames | None:
        shape = self._tables.get(table)
        return shape.keys if shape else None

    async def _read_tables(self, operation: str, parameters: Mapping[str, Any]) -> None:
        tables = dynamodb.list_tables(operation, parameters)
        if operation in _QUERIES:
            tables.add(str(parameters.get("TableName")))
        await self._read_shapes(tables)

    async def _read_shapes(self, tables: set[str]) -> None:
        for table in tables - self._tables.keys():
            try:
                description = await asyncio.to_thread(self._client.describe_table, TableName=table)
            except ClientError as error:
                logger.info("the keys of %s are not known: %s", table, error)
            else:
                self._tables[table] = read_table_shape(description)

    async def _admit_on_request(
        self, operation: str, parameters: Mapping[str, Any], names: Sequence[ItemName | None]
    ) -> Admission:
        """Apply the models that are only on request: throughput of partitions and lag of indexes."""
        limits = self._limits
        lag_ms = limits.dynamodb_index_lag_ms
        if operation in _WRITES and (lag_ms is not None or limits.dynamodb_partition_write_units is not None):
            return await self._admit_write(operation, parameters, names)

        if limits.dynamodb_partition_read_units is not None:
            return self._admit_read(operation, parameters, names)
        if lag_ms is not None and self._reads_index(operation, parameters):
            return Admission(None, lambda body: self._finish_read(operation, parameters, (), body))
        return Admission(None)

    async def _admit_write(
        self, operation: str, parameters: Mapping[str, Any], names: Sequence[ItemName | None]
    ) -> Admission:
        stored = [None if name is None else await self._read_item(name) for name in names]
        items = dynamodb.list_items(operation, parameters)
        uses = [
            name and Use(Partition(name.table, name.partition), _count_write_units(operation, item, before))
            for name, item, before in zip(names, items, stored, strict=True)
        ]
        refusal = self._throughput.admit(throughput.WRITE, uses, operation, self._limits)

        def finish(body: bytes) -> bytes:
            lag_ms = self._limits.dynamodb_index_lag_ms
            for name, before in zip(names, stored, strict=True):
                if name is not None and lag_ms is not None:
                    self._lag.note(name, before, lag_ms)
            return body

        return Admission(refusal, finish)

    async def _read_item(self, name: ItemName) -> Mapping[str, Any] | None:
        key = name.read_key(self._tables[name.table].keys)
        response = await asyncio.to_thread(
            self._client.get_item, TableName=name.table, Key=key, ConsistentRead=True
        )
        item: Mapping[str, Any] | None = response.get("Item")
        return item

    def _admit_read(
        self, operation: str, parameters: Mapping[str, Any], names: Sequence[ItemName | None]
    ) -> Admission:
        partitions = [name and Partition(name.table, name.partition) for name in names]
        if operation == "Query":
            partitions = [self._find_queried_partition(parameters)]

        # Nothing is taken yet: the response has the size.
        uses = [partition and Use(partition, 0) for partition in partitions]
        refusal = self._throughput.admit(throughput.READ, uses, operation, self._limits)
        return Admission(refusal, lambda body: self._finish_read(operation, parameters, partitions, body))

    def _find_queried_partition(self, parameters: Mapping[str, Any]) -> Partition | None:
        table, index = str(parameters.get("TableName")), str(parameters.get("IndexName", ""))
        shape = self._tables.get(table)
        if shape is None or (index and index not in shape.indexes):
            return None

        keys = shape.indexes[index].keys if index else shape.keys
        names = parameters.get("ExpressionAttributeNames") or {}
        values = parameters.get("ExpressionAttributeValues") or {}
        for name, value in _EQUALITY.findall(str(parameters.get("KeyConditionExpression", ""))):
            if names.get(name, name) == keys.partition and value in values:
                return Partition(table, json.dumps(values[value], sort_keys=True), index)
        return None

    def _reads_index(self, operation: str, parameters: Mapping[str, Any]) -> bool:
        shape = self._tables.get(str(parameters.get("TableName")))
        return operation in _QUERIES and shape is not None and parameters.get("IndexName") in shape.indexes

    def _finish_read(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        partitions: Sequence[Partition | None],
        body: bytes,
    ) -> bytes:
        """Take the units of a response from its partitions, and correct it by the lag of its index."""
        response = json.loads(body)
        if operation == "Query":
            sizes = [sum(map(measure_item, response.get("Items", ())))]
        else:
            sizes = _measure_items(operation, response, len(partitions))
        for partition, size in zip(partitions, sizes, strict=False):
            if partition is not None:
                units = throughput.count_read_units(
                    size,
                    consistent=bool(parameters.get("ConsistentRead")),
                    transaction=operation == "TransactGetItems",
                )
                self._throughput.charge(throughput.READ, Use(partition, units), self._limits)

        lag_ms = self._limits.dynamodb_index_lag_ms
        if lag_ms is None or not self._reads_index(operation, parameters):
            return body
        shape = self._tables[parameters["TableName"]]
        corrected = self._lag.correct(response, parameters, shape, lag_ms)
        # Earlier states come from boto3, which decodes binary values.
        return json.dumps(corrected, default=lambda data: base64.b64encode(data).decode()).encode()


def _count_write_units(
    operation: str, item: Mapping[str, Any] | None, before: Mapping[str, Any] | None
) -> float:
    """Return the units of a write by the larger of the new and the stored item, as AWS does.

    What an UpdateItem makes of an item is not known before; its stored size counts.
    """
    size = max(measure_item(item or {}), measure_item(before or {}))
    return throughput.count_write_units(size, transaction=operation == "TransactWriteItems")


def _measure_items(operation: str, response: Mapping[str, Any], count: int) -> list[int]:
    """Return the size of each item that was asked for; of a batch, whose order is lost, the mean for all."""
    if operation == "GetItem":
        return [measure_item(response.get("Item") or {})]
    if operation == "TransactGetItems":
        return [measure_item(part.get("Item") or {}) for part in response.get("Responses", ())]
    if operation == "BatchGetItem":
        total = sum(measure_item(item) for items in response["Responses"].values() for item in items)
        return [-(-total // count)] * count if count else []
    return []
