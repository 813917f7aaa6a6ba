"""DynamoDB's limits in front of a client, for tests on an emulator that knows none of them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse, HeadersDict

from local_cloud.limits.conflicts import OngoingItems
from local_cloud.limits.dynamodb import KeyNames, check_request, list_tables, name_items, read_key_names
from local_cloud.limits.settings import Limits, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ongoing = OngoingItems()
_lock = threading.Lock()


class RequestCheck:
    """Checks the parameters of DynamoDB calls; it reads the keys of each table once, by `describe_table`."""

    def __init__(
        self, describe_table: Callable[..., Mapping[str, Any]], limits: Limits | None = None
    ) -> None:
        self._describe_table, self.limits = describe_table, limits or Limits()
        self._keys: dict[str, KeyNames] = {}

    def __call__(self, operation: str, parameters: Mapping[str, Any]) -> Refusal | None:
        """Return AWS's error for a call above a limit, else None."""
        self._read_keys(operation, parameters)
        return check_request(operation, parameters, self._keys.get, self.limits)

    @contextmanager
    def admitting(self, operation: str, parameters: Mapping[str, Any]) -> Iterator[Refusal | None]:
        """Yield AWS's error for a checked call that conflicts with another, else None.

        The call is under way until the block ends. Calls conflict with those of all clients of this process.
        """
        self._read_keys(operation, parameters)
        names = name_items(operation, parameters, self._keys.get)
        with _lock:
            refusal = _ongoing.begin(operation, names, self.limits)
        if refusal is not None:
            yield refusal
            return

        try:
            yield None
        finally:
            with _lock:
                _ongoing.end(operation, names)

    def _read_keys(self, operation: str, parameters: Mapping[str, Any]) -> None:
        for table in list_tables(operation, parameters) - self._keys.keys():
            self._keys[table] = read_key_names(self._describe_table(TableName=table))


def render_refusal(refusal: Refusal) -> bytes:
    """Return the body of the error in DynamoDB's JSON protocol."""
    error = f"com.amazon.coral.validate#{refusal.error}"
    return json.dumps({"__type": error, "message": refusal.message, **(refusal.details or {})}).encode()


def enforce(client: Any, limits: Limits | None = None) -> None:
    """Make a boto3 client of DynamoDB raise AWS's error for a call above a limit, before the call is made."""
    check = RequestCheck(client.describe_table, limits)

    def before_call(model: Any, params: Mapping[str, Any], **_: Any) -> tuple[AWSResponse, Any] | None:
        refusal = check(model.name, json.loads(params["body"]))
        if refusal is None:
            return None
        response = AWSResponse(params["url"], refusal.status, HeadersDict(), None)  # type: ignore[arg-type]
        error = {"Code": refusal.error, "Message": refusal.message}
        metadata = {"HTTPStatusCode": refusal.status}
        return response, {"Error": error, "ResponseMetadata": metadata, **(refusal.details or {})}

    client.meta.events.register("before-call.dynamodb", before_call)
