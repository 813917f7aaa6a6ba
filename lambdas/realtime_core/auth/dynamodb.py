"""The revocations table: whose tokens are refused, found by subject, or by when it was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_core.auth.base import Revocation
from realtime_core.aws import backoff
from realtime_core.aws.dynamodb import ConditionFailed, Item, perform, query
from realtime_core.errors import StoreUnavailable
from realtime_core.lifetimes import REVOCATION_LIFETIME_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

RECENT_INDEX = "RecentIndex"
# The one partition of the index. Revocations are rare, so it takes them all.
KIND = "r"


class DynamoRevocations:
    """`Revocations` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def revoke(self, revocation: Revocation) -> None:
        """Keep a revocation (one write); one that reaches less far than what is kept changes nothing."""
        expires = max(revocation.before, revocation.revoked_at) + REVOCATION_LIFETIME_SECONDS
        item: Item = {
            "subject": {"S": _subject(revocation.user_id, revocation.token_id)},
            "user_id": {"S": revocation.user_id},
            "before": {"N": str(revocation.before)},
            "revoked_at": {"N": str(revocation.revoked_at)},
            "kind": {"S": KIND},
            "expires_at": {"N": str(expires)},
        }
        if revocation.token_id is not None:
            item["token_id"] = {"S": revocation.token_id}
        try:
            perform(
                lambda: self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(subject) OR #before <= :before",
                    ExpressionAttributeNames={"#before": "before"},  # a reserved word
                    ExpressionAttributeValues={":before": item["before"]},
                )
            )
        except ConditionFailed:
            return

    def is_revoked(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether a token may not be used any more (one consistent read of up to two items)."""
        subjects = [_subject(user_id)] + ([_subject(user_id, token_id)] if token_id is not None else [])
        asked: Any = {
            self._table: {"Keys": [{"subject": {"S": one}} for one in subjects], "ConsistentRead": True}
        }
        for _ in backoff.attempts():
            pending = asked
            answer = perform(lambda: self._client.batch_get_item(RequestItems=pending))  # noqa: B023 - called at once
            found = answer["Responses"].get(self._table, [])
            if any(_revocation(item).covers(user_id, token_id, issued_at) for item in found):
                return True
            asked = answer.get("UnprocessedKeys")
            if not asked:
                return False
        raise StoreUnavailable("DynamoDB left a read of revocations undone")

    def recent(self, since: int) -> list[Revocation]:
        """What was said since a moment, it included, in order (one query a page; may lag by a moment)."""
        pages = query(
            self._client,
            TableName=self._table,
            IndexName=RECENT_INDEX,
            KeyConditionExpression="kind = :kind AND revoked_at >= :since",
            ExpressionAttributeValues={":kind": {"S": KIND}, ":since": {"N": str(since)}},
        )
        return [_revocation(item) for items, _ in pages for item in items]


def _subject(user_id: str, token_id: str | None = None) -> str:
    return f"u#{user_id}" if token_id is None else f"j#{token_id}"


def _revocation(item: Item) -> Revocation:
    return Revocation(
        user_id=item["user_id"]["S"],
        before=int(item["before"]["N"]),
        revoked_at=int(item["revoked_at"]["N"]),
        token_id=item["token_id"]["S"] if "token_id" in item else None,
    )
