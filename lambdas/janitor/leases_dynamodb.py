"""The leases in the history table, each an item of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from janitor.leases import NO_PROGRESS, Lease, Progress
from realtime_core.aws.dynamodb import ConditionFailed, Item, perform
from realtime_core.lifetimes import DAY_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PREFIX = "janitor#"


class DynamoLeases:
    """`Leases` on DynamoDB. Threads may share an instance."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def take(self, part: str, holder: str, now: int, until: int) -> Lease | None:
        """Take a part until a time (one write). None if another holder has it.

        The item of a part that nobody takes any more expires after a day.
        """
        values: dict[str, Any] = {
            ":holder": {"S": holder},
            ":until": {"N": str(until)},
            ":now": {"N": str(now)},
            ":expires": {"N": str(now + DAY_SECONDS)},
        }
        try:
            response = perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=_key(part),
                    UpdateExpression="SET holder = :holder, leased_until = :until, expires_at = :expires",
                    ConditionExpression="attribute_not_exists(leased_until) OR leased_until <= :now",
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                )
            )
        except ConditionFailed:
            return None
        return Lease(part, holder, _progress(response["Attributes"]))

    def note(self, lease: Lease, progress: Progress) -> bool:
        """Note the progress and keep the part (one write). False if another holder has taken it since."""
        return self._note(lease, progress, "SET progress = :progress", {})

    def give_back(self, lease: Lease, progress: Progress) -> None:
        """Give a part back and note the progress (one write), unless another holder has taken it since."""
        free = {":free": {"N": "0"}}
        self._note(lease, progress, "SET progress = :progress, leased_until = :free", free)

    def _note(self, lease: Lease, progress: Progress, expression: str, more: dict[str, Any]) -> bool:
        noted = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in progress.items()
        }
        values: dict[str, Any] = {":holder": {"S": lease.holder}, ":progress": {"M": noted}, **more}

        try:
            perform(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=_key(lease.part),
                    UpdateExpression=expression,
                    ConditionExpression="holder = :holder",
                    ExpressionAttributeValues=values,
                )
            )
        except ConditionFailed:
            return False
        return True

    def progress(self, part: str) -> Progress:
        """The progress that was noted last (one read)."""
        response = perform(lambda: self._client.get_item(TableName=self._table, Key=_key(part)))
        return _progress(response.get("Item", {}))


def _key(part: str) -> Item:
    return {"pk": {"S": PREFIX + part}, "position": {"N": "0"}}


def _progress(item: Item) -> Progress:
    if "progress" not in item:
        return NO_PROGRESS
    noted: Item = item["progress"]["M"]
    return {name: int(value["N"]) if "N" in value else value["S"] for name, value in noted.items()}
