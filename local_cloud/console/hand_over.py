"""Makes a connection due for the notice that asks its client to reconnect, as two hours of life would."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local_cloud.console.janitor_run import run_janitor
from local_cloud.gateway.connection_calls import find_session
from local_cloud.gateway.control_calls import NotFound
from realtime_core.connections.schedule import HAND_OVER_AFTER_SECONDS, HAND_OVER_SPREAD_SECONDS

if TYPE_CHECKING:
    from deals_ops.stack import Stack
    from local_cloud.console.applied_stack import AppliedStack
    from local_cloud.gateway.control_calls import ControlCalls
    from local_cloud.gateway.gateway import Gateway

# Not at once: a run that has just sent the notices of this second would not send this one.
_DUE_IN_S = 1


class HandOver:
    """Hands a connection over now."""

    def __init__(self, applied: AppliedStack, gateway: Gateway) -> None:
        self._applied, self._gateway = applied, gateway

    def calls(self) -> ControlCalls:
        """Return the call by method and path."""
        return {"POST connections/([^/]+)/hand-over": self._hand_over}

    async def _hand_over(self, _: dict[str, Any], connection_id: str) -> dict[str, Any]:
        find_session(self._gateway, connection_id)
        await self._applied.run(lambda stack: _make_due(stack, connection_id))
        await asyncio.sleep(_DUE_IN_S + 0.1)
        await self._applied.run(run_janitor)
        return {"handed_over": connection_id}


def _make_due(stack: Stack, connection_id: str) -> None:
    """Move the record's times back. Raises NotFound if the connection has none (any more)."""
    now = int(time.time())
    times = {
        "connected_at": now - HAND_OVER_AFTER_SECONDS - HAND_OVER_SPREAD_SECONDS,
        "due_at": now + _DUE_IN_S,
    }
    try:
        stack.aws.client("dynamodb").update_item(
            TableName=stack.connections_table,
            Key={"connection_id": {"S": connection_id}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in times),
            ConditionExpression="attribute_exists(connection_id)",
            ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in times.items()},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise NotFound(f"connections: {connection_id!r} has no record in the service") from error
