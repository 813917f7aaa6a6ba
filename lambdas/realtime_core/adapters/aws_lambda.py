"""Lambda's Invoke, which is REST and not the JSON protocol.

docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from urllib.parse import quote

from realtime_core.aws.client import create_client
from realtime_core.aws.json_client import AwsClient
from realtime_core.aws.sigv4 import stamp_of


class Invoked(NamedTuple):
    """What a function answered, as JSON; `failed` says that the function itself failed, and how it did."""

    payload: bytes
    failed: bool


class LambdaClient(AwsClient):
    """A client of Lambda that waits for functions' answers. Safe to share between threads."""

    def invoke(self, function: str, payload: bytes) -> Invoked:
        """Invoke a function, by its name or ARN. Raises Refused and Unreachable; to fail is neither."""
        path = f"{self.endpoint.path}/2015-03-31/functions/{quote(function, safe='')}/invocations"
        answer = self._exchange("Invoke", lambda: self._request(path, payload))
        return Invoked(answer.body, failed=answer.header(b"x-amz-function-error") is not None)

    def _request(self, path: str, payload: bytes) -> bytes:
        headers = {
            "content-type": "application/json",
            "host": self.endpoint.authority,
            "x-amz-date": stamp_of(time.time()),
            "x-amz-invocation-type": "RequestResponse",
            "x-amz-security-token": self._credentials.token or "",
        }
        if not self._credentials.token:
            del headers["x-amz-security-token"]
        return self._signed(path, quote(path), headers, payload)


def lambda_client(**overrides: Any) -> LambdaClient:
    """A client of Lambda; `overrides` and where the rest comes from as in `aws.client`."""
    return create_client(LambdaClient, "lambda", **overrides)
