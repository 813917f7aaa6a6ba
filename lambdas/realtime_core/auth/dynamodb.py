"""The revocations table, read by subject or by time of revocation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from realtime_core.auth.base import Refusal, Revocation, RevocationPlace, refusal_by
from realtime_core.aws.dynamodb import ConditionFailed, Item, get_all, perform, query
from realtime_core.lifetimes import REVOCATION_LIFETIME_SECONDS
from realtime_core.schema import REVOCATION

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

RECENT_INDEX = "RecentIndex"
# The only partition of the index: revocations are rare, so one partition takes them all.
KIND = "r"
BLOCK = "b#"
"""Prefix of the subjects of blocks. They have no end of their own."""


class DynamoRevocations:
    """`Revocations` on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def revoke(self, revocation: Revocation) -> None:
        """Store a revocation (one write); if a stored one already reaches further, that one stays."""
        expires = max(revocation.before, revocation.revoked_at) + REVOCATION_LIFETIME_SECONDS
        item: Item = {
            "subject": {"S": revocation.subject},
            "user_id": {"S": revocation.user_id},
            "before": {"N": str(revocation.before)},
            "revoked_at": {"N": str(revocation.revoked_at)},
            "kind": {"S": KIND},
            **REVOCATION.stamp,
        }
        if not revocation.blocks:
            item["expires_at"] = {"N": str(expires)}
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
            return  # the stored revocation reaches further

    def lift_block(self, user_id: str) -> bool:
        """Lift the block of a user (one write); False if there was none."""
        key: Item = {"subject": {"S": f"{BLOCK}{user_id}"}}
        response = perform(
            lambda: self._client.delete_item(TableName=self._table, Key=key, ReturnValues="ALL_OLD")
        )
        return bool(response.get("Attributes"))

    def blocks(self) -> Iterator[Revocation]:
        """The blocks in force, in the order of their times (a query for each MB of all revocations).

        They share the partition of the index, so the janitor finds them by the query that it makes anyway.
        """
        pages = query(
            self._client,
            TableName=self._table,
            IndexName=RECENT_INDEX,
            KeyConditionExpression="kind = :kind",
            FilterExpression="begins_with(subject, :block)",
            ExpressionAttributeValues={":kind": {"S": KIND}, ":block": {"S": BLOCK}},
        )
        for items, _ in pages:
            yield from map(_revocation, items)

    def refusal(self, user_id: str, token_id: str | None, issued_at: int) -> Refusal | None:
        """Why a token with these claims is refused, or None (one consistent read of up to three items).

        Raises NewerRecord for a revocation that this release cannot read: nobody enters past it.
        """
        subjects = [f"u#{user_id}", f"{BLOCK}{user_id}"]
        if token_id is not None:
            subjects.append(f"j#{token_id}")
        keys = [{"subject": {"S": subject}} for subject in subjects]
        stored = map(_revocation, get_all(self._client, {self._table: keys})[self._table])
        return refusal_by(item for item in stored if item.covers(user_id, token_id, issued_at))

    def recent(
        self, since: int, until: int, after: RevocationPlace | None = None
    ) -> Iterator[list[Revocation]]:
        """The revocations made from `since` to `until`, in order, page by page (one query a page)."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": RECENT_INDEX,
            "KeyConditionExpression": "kind = :kind AND revoked_at BETWEEN :since AND :until",
            "ExpressionAttributeValues": {
                ":kind": {"S": KIND},
                ":since": {"N": str(since)},
                ":until": {"N": str(until)},
            },
        }
        # Outside limits: DynamoDB refuses a range without a number, and a start outside the range.
        if since > until:
            return
        if after is not None and since <= after.revoked_at <= until:
            parameters["ExclusiveStartKey"] = {
                "kind": {"S": KIND},
                "revoked_at": {"N": str(after.revoked_at)},
                "subject": {"S": after.subject},
            }
        for items, _ in query(self._client, **parameters):
            yield [_revocation(item) for item in items]


def _revocation(item: Item) -> Revocation:
    """The revocation of an item. Raises NewerRecord.

    The index has no versions: what is in it keeps its meaning.
    """
    REVOCATION.check(item)
    return Revocation(
        user_id=item["user_id"]["S"],
        before=int(item["before"]["N"]),
        revoked_at=int(item["revoked_at"]["N"]),
        token_id=item["token_id"]["S"] if "token_id" in item else None,
        blocks=item["subject"]["S"].startswith(BLOCK),
    )
