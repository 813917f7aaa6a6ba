"""Enforces AWS's limits on the calls that pass the proxy."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from local_cloud.gateway.dynamodb_guard import Admission, DynamoGuard
from local_cloud.limits import apigateway, functions, signatures, sqs
from local_cloud.limits.signatures import SignedRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from aiohttp import web

    from local_cloud.gateway.backend import Backend
    from local_cloud.limits.settings import Refusal

ROOT_KEY = "test"
ROOT_SECRET = "test"  # noqa: S105 - the emulator's root, whose key and secret everybody knows
_CHECKED_SERVICES = frozenset({"apigateway", "dynamodb", "lambda", "sqs"})


class Call(NamedTuple):
    """An AWS call; `body` is None when it is streamed, `allowed` if its signer's policies are known to."""

    request: web.BaseRequest
    service: str
    operation: str
    body: bytes | None
    allowed: bool = False


def needs_body(request: web.BaseRequest) -> bool:
    """Return whether a check reads the whole body: for its size, or for a signature that covers it."""
    signature = signatures.parse(request.headers.get("Authorization", ""))
    if signature is None:
        return False
    is_hashed_by_sender = "X-Amz-Content-SHA256" in request.headers
    return signature.service in _CHECKED_SERVICES or (signature.key == ROOT_KEY and not is_hashed_by_sender)


class Enforcement:
    """Checks calls by the rules of `local_cloud.limits`, some of which need the emulator's resources."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self._limits = backend, backend.limits
        self._apigateway, self._apis = backend.client("apigateway"), backend.client("apigatewayv2")
        self._dynamodb = DynamoGuard(backend.client("dynamodb"), backend.limits)

    @asynccontextmanager
    async def admit(self, call: Call) -> AsyncIterator[Admission]:
        """Check a call, which counts as under way until the block ends.

        Malformed parameters are let through: the emulator refuses them.
        """
        refusal = self.check_signature(call)
        if refusal is None and call.service != "dynamodb":
            try:
                refusal = await self._check_service(call)
            except (AttributeError, TypeError, ValueError):
                refusal = None
        if refusal is not None or call.service != "dynamodb":
            yield Admission(refusal)
            return

        async with AsyncExitStack() as stack:
            try:
                guard = self._dynamodb.admit(call.operation, parse_body(call.body))
                admission = await stack.enter_async_context(guard)
            except (AttributeError, TypeError, ValueError):
                admission = Admission(None)
            yield admission

    def find_partition_key(self, table: str) -> Awaitable[str | None]:
        """Return the name of a table's partition key; None for an unknown table."""
        return self._dynamodb.find_partition_key(table)

    async def _check_service(self, call: Call) -> Refusal | None:
        match call.service:
            case "sqs":
                return sqs.check_request(call.operation, parse_body(call.body), self._limits)
            case "apigateway":
                return await self._check_apigateway(call.request, parse_body(call.body))
            case "lambda" if call.operation == "Invoke":
                kind = call.request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
                return functions.check_request(kind, len(call.body or b""), self._limits)
        return None

    def check_signature(self, call: Call) -> Refusal | None:
        """Return AWS's error for a signature that is not good; None for a good one, or for none."""
        signature = signatures.parse(call.request.headers.get("Authorization", ""))
        if signature is None:
            return None
        refusal = signatures.check_region(signature, self._backend.region, self._limits)
        if refusal is not None or signature.key != ROOT_KEY:
            return refusal  # the emulator checks the secret of every other key

        request = call.request
        url = f"http://{request.host}{request.raw_path}"
        signed = SignedRequest(request.method, url, request.headers.items(), call.body or b"")
        return signatures.check_secret(signature, ROOT_SECRET, signed, self._limits)

    async def _check_apigateway(
        self, request: web.BaseRequest, parameters: Mapping[str, Any]
    ) -> Refusal | None:
        if not apigateway.turns_logs_on(request.method, request.path, parameters):
            return None
        # HTTP APIs deliver their logs without that role: http-api-logging.html of the developer guide.
        api_id = request.path.split("/")[3]
        if await asyncio.to_thread(self._is_http_api, api_id):
            return None
        account = await asyncio.to_thread(self._apigateway.get_account)
        return apigateway.check_logging_role(account.get("cloudwatchRoleArn"), self._limits)

    def _is_http_api(self, api_id: str) -> bool:
        try:
            return bool(self._apis.get_api(ApiId=api_id)["ProtocolType"] == "HTTP")
        except ClientError:
            return False  # the emulator answers that there is none


def parse_body(body: bytes | None) -> Mapping[str, Any]:
    """Return the JSON object of a body, empty for any other body: the emulator judges those."""
    try:
        parameters = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parameters if isinstance(parameters, dict) else {}
