"""Broadcasts as the guide does that this service began from: scans, then posts one by one."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from tests.bench.matching import guides_scan


def broadcast(table: Any, management: Any, topic: str, event: dict[str, Any]) -> int:
    """Post to every connection with a matching subscription and return their number.

    `table` is boto3's resource.
    """
    message = json.dumps({"type": "dealUpdate", "data": event})
    sent = 0
    page: dict[str, Any] = {"LastEvaluatedKey": None}
    while "LastEvaluatedKey" in page:
        start = page["LastEvaluatedKey"]
        page = table.scan(ExclusiveStartKey=start) if start else table.scan()
        for connection_id in guides_scan(page["Items"], topic, event):
            try:
                management.post_to_connection(ConnectionId=connection_id, Data=message)
                sent += 1
            except ClientError as error:
                if error.response["Error"]["Code"] != "GoneException":
                    raise
                table.delete_item(Key={"connectionId": connection_id})
    return sent
