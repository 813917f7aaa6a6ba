"""A client of the emulator behind the gateway: signed calls to its public port, as any client makes them."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from yarl import URL

from local_cloud.gateway.places import function_place
from local_cloud.gateway.traffic import GATEWAY, Traffic
from local_cloud.limits import functions
from local_cloud.limits.settings import Limits

# Each emulated function runs as a process on this machine; a burst waits here instead of starting many: more
# cold starts than processors take longer than the functions' timeouts, and each that is killed begins anew.
MAX_CONCURRENT_PER_FUNCTION = max(8, 4 * (os.cpu_count() or 1))
_SIGNATURE = frozenset({"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function's response; `error` is empty unless it failed, `status` is that of the Lambda service."""

    payload: Any
    error: str = ""
    status: int = 200
    request_id: str = "-"

    @property
    def is_unauthorized(self) -> bool:
        """Whether this is an authorizer's way to answer 401: it raised an error with just this word."""
        return isinstance(self.payload, dict) and self.payload.get("errorMessage") == "Unauthorized"


class Backend:
    """The emulator at `url`, called with root credentials in one Region."""

    def __init__(self, url: str, region: str, key: str = "test", secret: str = "test") -> None:  # noqa: S107
        self.url, self.region = url.rstrip("/"), region
        self.limits = Limits()
        self.traffic = Traffic()
        self._root = Credentials(key, secret)
        self._signer = SigV4Auth(self._root, "lambda", region)
        self._session = boto3.Session(key, secret, region_name=region)
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MAX_CONCURRENT_PER_FUNCTION)
        )
        # The emulator closes idle connections after 75 s; reusing a closed one would lose a request.
        self.http = _open_session(aiohttp.TCPConnector(limit=0, keepalive_timeout=30))
        self.http_unshared = _open_session(aiohttp.TCPConnector(limit=0, force_close=True))
        """For calls that must not meet a connection that the emulator is closing: a new one for each."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator, for calls from threads."""
        config = Config(retries={"total_max_attempts": 2}, connect_timeout=2, read_timeout=20)
        return self._session.client(service, endpoint_url=self.url, config=config)

    async def invoke(self, function: str, event: dict[str, Any]) -> Invocation:
        """Invoke a function by ARN or name and wait for its response; a failure is an Invocation too."""
        place = function_place(function)
        with self.traffic.under_way(GATEWAY, place):
            invocation = await self._invoke(function, event)
        if invocation.error and not invocation.is_unauthorized:
            self.traffic.fail(place)
        return invocation

    async def _invoke(self, function: str, event: dict[str, Any]) -> Invocation:
        url = f"{self.url}/2015-03-31/functions/{function.replace(':', '%3A')}/invocations"
        body = json.dumps(event)
        request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
        self._signer.add_auth(request)
        headers = dict(request.headers)

        async with self._slots[function]:
            try:
                async with self.http.post(URL(url, encoded=True), data=body, headers=headers) as response:
                    payload = await response.read()
                    if (too_large := functions.check_response(len(payload), self.limits)) is not None:
                        return Invocation(json.loads(too_large), "Unhandled")
                    return _read_invocation(response.status, response.headers, payload.decode())
            except aiohttp.ClientError as error:
                return Invocation(None, f"the emulator did not answer: {error}", 503)

    def sign_as_root(
        self, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the headers with which the account's root makes a request; `path` is the raw one."""
        unsigned = {name: value for name, value in headers.items() if name.lower() not in _SIGNATURE}
        request = AWSRequest(method, self.url + path, unsigned, body)
        SigV4Auth(self._root, service, self.region).add_auth(request)
        return dict(request.headers)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self.http.close()
        await self.http_unshared.close()


def _open_session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=None)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=timeout)


def _read_invocation(status: int, headers: Mapping[str, str], text: str) -> Invocation:
    error = headers.get("X-Amz-Function-Error", "")
    if status >= 300:
        error = headers.get("x-amzn-ErrorType", f"Lambda answered {status}")
    try:
        payload = json.loads(text) if text else None
    except ValueError:
        payload, error = text, error or "Unhandled"
    return Invocation(payload, error, status, headers.get("x-amzn-RequestId", "-"))
