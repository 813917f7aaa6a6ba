"""What the adapters of all tables share: faults in this service's words, retries, pages and batches.

Items are DynamoDB's own attribute values (`{"S": "…"}`, `{"N": "12"}`): nothing is turned into
Decimal and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_core.aws import backoff
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.errors import StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Item = dict[str, Any]
T = TypeVar("T")

# Outside limit: BatchWriteItem takes at most 25 requests.
BATCH_MAX = 25

# Another transaction held the item, or the partition had no capacity left. The client retries throttles of
# whole calls, but neither conflicts nor the reasons inside a cancelled transaction.
_PASSING = frozenset(
    {
        "None",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


class ConditionFailed(Exception):
    """A write's condition did not hold, so nothing was written.

    `refused` maps the place of each refusing write in its transaction (0 for a single write) to the item as
    it is (where the write asked for ALL_OLD), or to None where there is no such item.
    """

    def __init__(self, refused: Mapping[int, Item | None]) -> None:
        super().__init__(f"condition failed for writes {sorted(refused)}")
        self.refused = refused


def perform(call: Callable[[], T]) -> T:
    """Make a call, again where its fault passes by itself.

    Raises ConditionFailed where a condition did not hold, and StoreUnavailable for every other fault.
    """
    last: Refused | None = None
    for _ in backoff.attempts():
        try:
            return call()
        except Refused as error:
            if (refused := _refused(error)) is not None:
                raise ConditionFailed(refused) from error
            if not _PASSING.issuperset(_codes(error)):
                raise StoreUnavailable(_describe(error)) from error
            last = error
        except Unreachable as error:
            raise StoreUnavailable(f"DynamoDB could not be reached: {error.reason}") from error
    assert last is not None, "every attempt that did not return has failed"  # noqa: S101
    raise StoreUnavailable(_describe(last)) from last


def query(client: DynamoDBClient, **parameters: Any) -> Iterator[tuple[list[Item], Item | None]]:
    """Each page of a query, with the key it ended at, or None at the last. Pages may be empty."""
    while True:
        page = perform(lambda: client.query(**parameters))
        last = page.get("LastEvaluatedKey")
        yield page["Items"], last
        if not last:
            return
        parameters["ExclusiveStartKey"] = last


def delete_all(client: DynamoDBClient, table: str, keys: Iterable[tuple[str, str]]) -> None:
    """Delete items by `(pk, sk)`, if they exist. Raises StoreUnavailable unless every delete was taken."""
    # A batch that names a key twice is refused whole.
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), BATCH_MAX):
        requests: Any = [
            {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}
            for pk, sk in distinct[start : start + BATCH_MAX]
        ]
        _write_batch(client, table, requests)


def _write_batch(client: DynamoDBClient, table: str, requests: Any) -> None:
    for _ in backoff.attempts():
        pending = requests
        answer = perform(lambda: client.batch_write_item(RequestItems={table: pending}))  # noqa: B023 - called at once
        requests = answer.get("UnprocessedItems", {}).get(table)
        if not requests:
            return
    raise StoreUnavailable(f"DynamoDB left {len(requests)} of a batch's writes undone")


def _reasons(error: Refused) -> list[dict[str, Any]]:
    reasons: list[dict[str, Any]] = error.body.get("CancellationReasons", [])
    return reasons


def _refused(error: Refused) -> dict[int, Item | None] | None:
    if error.code == "ConditionalCheckFailedException":
        return {0: error.body.get("Item")}
    refused = {
        place: reason.get("Item") or None
        for place, reason in enumerate(_reasons(error))
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    return refused or None


def _codes(error: Refused) -> set[str]:
    return {reason.get("Code", "None") for reason in _reasons(error)} or {error.code}


def _describe(error: Refused) -> str:
    # Codes only: DynamoDB's messages may quote what was to be stored.
    return f"DynamoDB {error.operation} failed: {', '.join(sorted(_codes(error) - {'None'}))}"
