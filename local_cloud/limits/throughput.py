"""On request: what a partition takes in a second, 1,000 write units and 3,000 read units on AWS.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html; units by
CapacityUnitCalculations.html; the errors of on-demand tables by the API reference of TransactWriteItems
("Throttling Error") and field reports of PutItem on a hot key (praetorian-inc/chariot-ui#684).

The model: every partition key value of a table or index is a partition of its own, with a bucket that holds
the units of one second. AWS may keep several values on one partition, splits one value's items among several
when they are hot for long, and lets bursts pass; a single item never gets more than this.

A write is measured before it is made: a put by its item, any other by the item as it is stored. A read is
measured by its answer, so the bucket may owe units until they have come back. Not modelled: Scan, and the
units that an index writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from local_cloud.limits.conflicts import cancel
from local_cloud.limits.settings import KB, Limits, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

READ = "Read"
WRITE = "Write"
_MESSAGE = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your "
    "table or index so please try again shortly. If exceptions persist, check if you have a hot key: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
)


class Partition(NamedTuple):
    """A partition key value, as a text, of a table or of an index of it."""

    table: str
    value: str
    index_name: str = ""


class Use(NamedTuple):
    """The units that a request takes from a partition."""

    partition: Partition
    units: float


def count_write_units(size: int, *, transaction: bool = False) -> float:
    """Return the units of writing an item of `size` bytes: one for each KB, twice that in a transaction."""
    return max(1, -(-size // KB)) * (2 if transaction else 1)


def count_read_units(size: int, *, consistent: bool, transaction: bool = False) -> float:
    """Return the units of reading `size` bytes: one for each 4 KB, half or twice that."""
    return max(1, -(-size // (4 * KB))) * (2 if transaction else 1 if consistent else 0.5)


class Throughput:
    """The buckets of all partitions. `now` returns seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._left: dict[tuple[str, Partition], tuple[float, float]] = {}

    def admit(self, kind: str, uses: Sequence[Use | None], operation: str, limits: Limits) -> Refusal | None:
        """Take the units of each use, or none of them: then return AWS's error.

        `uses` are in the order of the request's items; None is an item whose partition is not known.
        """
        rate = _get_rate(kind, limits)
        if rate is None:
            return None

        known = [use for use in uses if use is not None]
        exhausted = {use.partition for use in known if self._read(kind, use.partition, rate) <= 0}
        if exhausted:
            return _refuse(kind, [use is not None and use.partition in exhausted for use in uses], operation,
                           sorted(exhausted))  # fmt: skip
        for use in known:
            self.charge(kind, use, limits)
        return None

    def charge(self, kind: str, use: Use, limits: Limits) -> None:
        """Take the units of a use, even where the partition has fewer."""
        rate = _get_rate(kind, limits)
        if rate is not None:
            left = self._read(kind, use.partition, rate) - use.units
            self._left[kind, use.partition] = (left, self._now())

    def _read(self, kind: str, partition: Partition, rate: float) -> float:
        left, at = self._left.get((kind, partition), (rate, 0.0))
        return min(rate, left + (self._now() - at) * rate)


def _get_rate(kind: str, limits: Limits) -> int | None:
    return limits.dynamodb_partition_read_units if kind == READ else limits.dynamodb_partition_write_units


def _refuse(kind: str, exhausted: Sequence[bool], operation: str, partitions: Sequence[Partition]) -> Refusal:
    if operation.startswith("Transact"):
        return cancel([("ThrottlingError", _MESSAGE) if throttled else None for throttled in exhausted])
    reasons: list[dict[str, Any]] = [
        {
            "reason": f"{'Index' if one.index_name else 'Table'}{kind}KeyRangeThroughputExceeded",
            "resource": f"{one.table}{'/index/' if one.index_name else ''}{one.index_name}",
        }
        for one in partitions
    ]
    return Refusal("ThrottlingException", _MESSAGE, details={"throttlingReasons": reasons})
