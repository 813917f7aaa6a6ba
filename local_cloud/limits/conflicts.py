"""Conflicts of requests that touch one item at the same time, one of them at least a transaction.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html, "Transaction conflict handling
in DynamoDB"; messages: the API reference of TransactWriteItems ("Transaction is ongoing for the item") and of
TransactionConflictException in botocore's model.

| a request for an item of | an ongoing TransactWriteItems | an ongoing write outside of a transaction |
| --- | --- | --- |
| TransactWriteItems | TransactionCanceledException | waits |
| TransactGetItems | TransactionCanceledException | TransactionCanceledException |
| PutItem, UpdateItem, DeleteItem | TransactionConflictException | waits |
| GetItem, BatchGetItem, Query, Scan | reads what is committed | reads what is committed |

AWS documents no conflict of BatchWriteItem with a transaction that was there before it, and none is made.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from local_cloud.limits.settings import Limits, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_cloud.limits.dynamodb import ItemName

_TRANSACTION = "TransactWriteItems"
_TRANSACTION_READ = "TransactGetItems"
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_BATCH = "BatchWriteItem"


class OngoingItems:
    """The items of the requests that are under way, by their names (`dynamodb.name_items`).

    A request is under way from when it arrives until it is answered.
    """

    def __init__(self) -> None:
        self._in_transactions: Counter[ItemName] = Counter()
        self._in_writes: Counter[ItemName] = Counter()

    def begin(self, operation: str, items: Sequence[ItemName | None], limits: Limits) -> Refusal | None:
        """Note a request, unless it conflicts with one that is under way: then return AWS's error.

        A request that was noted must be ended by `end`.
        """
        if limits.dynamodb_transaction_conflicts:
            conflicts = [item is not None and self._conflicts(operation, item) for item in items]
            if any(conflicts):
                return _refuse(operation, conflicts)
        self._count(operation, items, 1)
        return None

    def end(self, operation: str, items: Sequence[ItemName | None]) -> None:
        """Forget a request that was answered."""
        self._count(operation, items, -1)

    def _conflicts(self, operation: str, item: ItemName) -> bool:
        if operation == _TRANSACTION_READ:
            return item in self._in_transactions or item in self._in_writes
        return operation in {_TRANSACTION, *_WRITES} and item in self._in_transactions

    def _count(self, operation: str, items: Sequence[ItemName | None], by: int) -> None:
        if operation == _TRANSACTION:
            ongoing = self._in_transactions
        elif operation in _WRITES or operation == _BATCH:
            ongoing = self._in_writes
        else:
            return

        for item in items:
            if item is not None:
                ongoing[item] += by
                if not ongoing[item]:
                    del ongoing[item]


def _refuse(operation: str, conflicts: Sequence[bool]) -> Refusal:
    if operation in _WRITES:
        return Refusal("TransactionConflictException", "Transaction is ongoing for the item")
    return cancel(
        [("TransactionConflict", "Transaction is ongoing for the item") if c else None for c in conflicts]
    )


def cancel(reasons: Sequence[tuple[str, str] | None]) -> Refusal:
    """Return the error of a cancelled transaction; `reasons` has code and message, or None, of each item."""
    codes = ", ".join(reason[0] if reason else "None" for reason in reasons)
    return Refusal(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        details={
            "CancellationReasons": [
                {"Code": reason[0], "Message": reason[1]} if reason else {"Code": "None"}
                for reason in reasons
            ]
        },
    )
