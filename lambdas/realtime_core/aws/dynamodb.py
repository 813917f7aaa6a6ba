"""What the adapters of all tables share: errors as this service's exceptions, retries, pages and batches.

Items are DynamoDB's own attribute values (`{"S": "…"}`, `{"N": "12"}`), without Decimal in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_core.aws import backoff
from realtime_core.aws.errors import CONFLICTS, THROTTLING, AwsError, Refused, Unreachable
from realtime_core.errors import StoreUnavailable
from realtime_core.started_call import StartedCall

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from realtime_core.aws.json_client import JsonClient

Item = dict[str, Any]
T = TypeVar("T")

# Outside limit: BatchWriteItem takes at most 25 requests.
BATCH_MAX = 25
# Outside limit: BatchGetItem takes at most 100 keys.
READ_MAX = 100

# The client has retried throttling of whole calls, but neither conflicts nor the reasons inside a cancelled
# transaction, where "None" stands for the writes that were not at fault.
_RETRYABLE = THROTTLING | CONFLICTS | {"None"}
_OTHER_TRANSACTIONS = frozenset({"TransactionConflict", "TransactionConflictException", "None"})

CONFLICT_ATTEMPTS = 16
"""Less than five seconds of pauses on average, for 50 frames of one connection at once.

A conflict ends with the other transaction, and costs the table nothing.

Throttling is left alone sooner, since each attempt adds to what causes it.
"""


def number(value: float) -> Item:
    """A whole number as an attribute value."""
    return {"N": str(int(value))}


def read_number(item: Mapping[str, Any], name: str, default: int = 0) -> int:
    """The whole number of an attribute, or `default` where the item does not have it."""
    return int(item[name]["N"]) if name in item else default


class ConditionFailed(Exception):
    """The condition of a write did not hold, so nothing was written.

    `refused` maps the index of each failed write in its transaction (0 for a single write) to the stored item
    (where the write asked for ALL_OLD), or to None where there is no such item.
    """

    def __init__(self, refused: Mapping[int, Item | None]) -> None:
        super().__init__(f"condition failed for writes {sorted(refused)}")
        self.refused = refused


class Contended(StoreUnavailable):
    """Every attempt of a call met a conflict or throttling: another one may succeed.

    `writes` has the indexes of the writes of a transaction that were at fault in the last attempt.
    """

    def __init__(self, text: str, writes: frozenset[int]) -> None:
        super().__init__(text)
        self.writes = writes


def perform(call: Callable[[], T], attempts: int | None = None) -> T:
    """Make a call, retry it where its error is passing, and return its result.

    `attempts` are made at most: where it is None, CONFLICT_ATTEMPTS as long as nothing but transactions of
    others are in the way, else as many as the back-off has.

    Raises ConditionFailed where a condition did not hold, Contended where the error of every attempt was
    passing, and StoreUnavailable for every other error.
    """
    try:
        return call()
    except AwsError as error:
        return _perform_again(call, attempts, error)


def _perform_again(call: Callable[[], T], attempts: int | None, failed: AwsError) -> T:
    """Make the attempts of `perform` after the first, whose error is `failed`."""
    last = _passing(failed)
    for attempt in backoff.attempts(CONFLICT_ATTEMPTS if attempts is None else attempts):
        if attempt > 0:
            try:
                return call()
            except AwsError as error:
                last = _passing(error)

        conflicts_alone = _OTHER_TRANSACTIONS.issuperset(_codes(last))
        if attempts is None and not conflicts_alone and attempt + 1 >= backoff.ATTEMPTS:
            break
    raise Contended(_describe(last), _writes_at_fault(last)) from last


def _passing(error: AwsError) -> Refused:
    """The error, if another attempt may succeed. Raises ConditionFailed and StoreUnavailable for others."""
    if isinstance(error, Unreachable):
        raise StoreUnavailable(f"DynamoDB could not be reached: {error.reason}") from error
    assert isinstance(error, Refused), "a call is refused, or nobody answers"  # noqa: S101
    if (refused := _failed_conditions(error)) is not None:
        raise ConditionFailed(refused) from error
    if not _RETRYABLE.issuperset(_codes(error)):
        raise StoreUnavailable(_describe(error)) from error
    return error


def _unchanged(output: Any) -> Any:
    return output


def start(
    client: DynamoDBClient, operation: str, convert: Callable[[Any], Any] = _unchanged, /, **parameters: Any
) -> StartedCall[Any]:
    """Send a read, whose converted output can be waited for later; its result raises as `perform` does."""
    # To a type checker it is botocore's client, which has no such methods.
    json_client: JsonClient = client  # type: ignore[assignment]
    first = json_client.start(operation, parameters)

    def finish() -> Any:
        try:
            output = first.result()
        except AwsError as error:
            output = _perform_again(lambda: json_client.call(operation, parameters), None, error)
        return convert(output)

    return StartedCall(finish, first.discard)


def get_all(client: DynamoDBClient, keys: Mapping[str, Sequence[Item]]) -> dict[str, list[Item]]:
    """Read items by the names of their tables, consistently, in one call; unknown ones are left out.

    Raises StoreUnavailable unless all were read. Outside limit: at most 100 keys.
    """
    first = partial(perform, partial(client.batch_get_item, RequestItems=_batch_of(keys)))
    return _read_batch(client, first, keys)


def start_get_all(
    client: DynamoDBClient, keys: Mapping[str, Sequence[Item]]
) -> StartedCall[dict[str, list[Item]]]:
    """Start `get_all`."""

    def read(first: Any) -> dict[str, list[Item]]:
        return _read_batch(client, lambda: first, keys)

    return start(client, "BatchGetItem", read, RequestItems=_batch_of(keys))


def _batch_of(keys: Mapping[str, Sequence[Item]]) -> Any:
    return {table: {"Keys": list(of_table), "ConsistentRead": True} for table, of_table in keys.items()}


def _read_batch(
    client: DynamoDBClient, call: Callable[[], Any], tables: Iterable[str]
) -> dict[str, list[Item]]:
    """Make the calls of a batch, of which `call` is the first; returns the items by table."""
    found: dict[str, list[Item]] = {table: [] for table in tables}
    for _ in backoff.attempts():
        response = call()
        for table, items in response["Responses"].items():
            found[table] += items
        pending = response.get("UnprocessedKeys")
        if not pending:
            return found
        call = partial(perform, partial(client.batch_get_item, RequestItems=pending))
    raise StoreUnavailable("DynamoDB left keys of a batch unread")


def query(client: DynamoDBClient, **parameters: Any) -> Iterator[tuple[list[Item], Item | None]]:
    """Yield each page of a query with the key that it ended at, None at the last. Pages may be empty."""
    while True:
        page = perform(lambda: client.query(**parameters))
        last = page.get("LastEvaluatedKey")
        yield page["Items"], last
        if not last:
            return
        parameters["ExclusiveStartKey"] = last


def delete_all(client: DynamoDBClient, table: str, keys: Iterable[tuple[str, str]]) -> None:
    """Delete items by `(pk, sk)`, if they exist. Raises StoreUnavailable unless all deletes were taken."""
    # DynamoDB refuses a batch that names a key twice.
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), BATCH_MAX):
        requests: Any = [
            {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}
            for pk, sk in distinct[start : start + BATCH_MAX]
        ]
        write_batch(client, table, requests)


def write_batch(client: DynamoDBClient, table: str, requests: Any) -> None:
    """Make at most BATCH_MAX puts and deletes of distinct items.

    Raises StoreUnavailable unless all were taken.
    """
    for _ in backoff.attempts():
        pending = requests
        output = perform(lambda: client.batch_write_item(RequestItems={table: pending}))  # noqa: B023 - called at once
        requests = output.get("UnprocessedItems", {}).get(table)
        if not requests:
            return
    raise StoreUnavailable(f"DynamoDB left {len(requests)} of a batch's writes undone")


def _reasons(error: Refused) -> list[dict[str, Any]]:
    reasons: list[dict[str, Any]] = error.body.get("CancellationReasons", [])
    return reasons


def _failed_conditions(error: Refused) -> dict[int, Item | None] | None:
    """Return `ConditionFailed.refused` where an error is about conditions, else None."""
    if error.code == "ConditionalCheckFailedException":
        return {0: error.body.get("Item")}
    refused = {
        index: reason.get("Item") or None
        for index, reason in enumerate(_reasons(error))
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    return refused or None


def _writes_at_fault(error: Refused) -> frozenset[int]:
    return frozenset(
        index for index, reason in enumerate(_reasons(error)) if reason.get("Code", "None") != "None"
    )


def _codes(error: Refused) -> set[str]:
    return {reason.get("Code", "None") for reason in _reasons(error)} or {error.code}


def _describe(error: Refused) -> str:
    # Codes only: DynamoDB's messages may quote what was to be stored.
    return f"DynamoDB {error.operation} failed: {', '.join(sorted(_codes(error) - {'None'}))}"
