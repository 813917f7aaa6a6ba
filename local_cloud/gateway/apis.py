"""The declared API: routes, integrations, authorizers and stages, read from apigatewayv2."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from local_cloud.gateway.throttle import RateLimit

# Changes pass the proxy, which then clears the cache of APIs; this age covers changes that the
# emulator makes by itself (CloudFormation).
MAX_AGE_S = 30.0
# The maximum of the API itself; the Terraform provider's validation accepts 29001.
MAX_INTEGRATION_TIMEOUT_MS = 29_000
# API Gateway itself runs these when a connection opens and ends; the developer guide's page
# apigateway-websocket-api-route-keys-connect-disconnect.
_NOT_FOR_MESSAGES = frozenset({"$connect", "$disconnect"})
T = TypeVar("T")
_FUNCTION = re.compile(r"/functions/(?P<arn>[^/]+)/invocations$")


@dataclass(frozen=True, slots=True)
class Integration:
    """What a route runs: a function, or a mock that returns a fixed text.

    `mock_status` is the status in the mock's request template, without which API Gateway has no answer.
    """

    kind: str
    function: str
    timeout_s: float
    mock_status: int | None
    mock_body: str


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer; `identity_sources` must all be present, or the handshake is refused with 401."""

    function: str
    identity_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One route key; `replies` is whether the integration's response is sent to the client."""

    key: str
    integration: Integration | None
    replies: bool
    authorization: str
    authorizer: Authorizer | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: throttles by route, and where and how accesses are logged."""

    name: str
    deployed: bool
    default_limit: RateLimit | None
    limits: Mapping[str, RateLimit | None]
    variables: Mapping[str, str]
    log_group: str
    log_format: str

    def limit(self, route_key: str) -> RateLimit | None:
        """Return the throttle of a route: its own settings, else the stage's default."""
        return self.limits.get(route_key, self.default_limit)


@dataclass(frozen=True, slots=True)
class Api:
    """A WebSocket API as declared."""

    api_id: str
    selection: str
    routes: Mapping[str, Route]
    stages: Mapping[str, Stage]

    def select(self, text: str) -> Route | None:
        """Return the route of a message: the selected one, else `$default`, else None."""
        key = select_route_key(self.selection, text)
        route = None if key in _NOT_FOR_MESSAGES else self.routes.get(key)
        return route or self.routes.get("$default")


def select_route_key(expression: str, text: str) -> str:
    """Evaluate `$request.body.x.y` or `${request.body.x.y}` on a message; `$default` without a value."""
    path = expression.replace("${", "$").replace("}", "")
    if not path.startswith("$request.body."):
        return "$default"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "$default"
    for part in path.removeprefix("$request.body.").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else "$default"


def _read_limit(settings: Mapping[str, Any]) -> RateLimit | None:
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    # A settings block with only one of them sends the other as 0, which throttles everything, as on AWS.
    return RateLimit(float(rate or 0), float(burst or 0))


def parse_function(uri: str) -> str:
    """Return the ARN of the function in an integration's or authorizer's URI, else the URI itself."""
    match = _FUNCTION.search(uri)
    return match["arn"] if match else uri


def read_stage(raw: Mapping[str, Any]) -> Stage:
    """Read a stage as apigatewayv2 describes it."""
    access_log = raw.get("AccessLogSettings") or {}
    destination = str(access_log.get("DestinationArn", ""))
    return Stage(
        name=raw["StageName"],
        deployed=bool(raw.get("DeploymentId") or raw.get("AutoDeploy")),
        default_limit=_read_limit(raw.get("DefaultRouteSettings") or {}),
        limits={key: _read_limit(settings) for key, settings in (raw.get("RouteSettings") or {}).items()},
        variables=raw.get("StageVariables") or {},
        log_group=destination.partition(":log-group:")[2].removesuffix(":*"),
        log_format=str(access_log.get("Format", "")),
    )


def _read_mock_status(raw: Mapping[str, Any]) -> int | None:
    """Return the `statusCode` of a mock's request template; None without one.

    Templates are not evaluated, so of several the first counts.
    """
    for template in (raw.get("RequestTemplates") or {}).values():
        try:
            status = json.loads(template).get("statusCode")
        except (ValueError, AttributeError):
            return None
        return status if isinstance(status, int) else None
    return None


def _read_integration(client: Any, api_id: str, raw: Mapping[str, Any]) -> Integration:
    mock_body, mock_status = "", None
    if raw["IntegrationType"] == "MOCK":
        mock_status = _read_mock_status(raw)
        responses = client.get_integration_responses(ApiId=api_id, IntegrationId=raw["IntegrationId"])[
            "Items"
        ]
        templates = [t for r in responses for t in (r.get("ResponseTemplates") or {}).values()]
        mock_body = templates[0] if templates else ""
    return Integration(
        kind=raw["IntegrationType"],
        function=parse_function(raw.get("IntegrationUri", "")),
        timeout_s=min(raw.get("TimeoutInMillis") or MAX_INTEGRATION_TIMEOUT_MS, MAX_INTEGRATION_TIMEOUT_MS)
        / 1e3,
        mock_status=mock_status,
        mock_body=mock_body,
    )


class DeclaredApi(NamedTuple):
    """An API of apigatewayv2: what `GetApi` says, and `items`, which lists what else belongs to it."""

    raw: Mapping[str, Any]
    items: Callable[[str], list[Any]]


def open_api(client: Any, api_id: str, protocol: str) -> DeclaredApi | None:
    """Return an API of apigatewayv2 (a boto3 client); None when it is unknown or of another protocol."""
    try:
        raw = client.get_api(ApiId=api_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    if raw["ProtocolType"] != protocol:
        return None

    def items(operation: str) -> list[Any]:
        return [i for page in client.get_paginator(operation).paginate(ApiId=api_id) for i in page["Items"]]

    return DeclaredApi(raw, items)


def read_api(client: Any, api_id: str) -> Api | None:
    """Read one API from apigatewayv2 (a boto3 client); None when it is unknown or not a WebSocket API."""
    if (declared := open_api(client, api_id, "WEBSOCKET")) is None:
        return None
    raw, items = declared

    integrations = {
        i["IntegrationId"]: _read_integration(client, api_id, i) for i in items("get_integrations")
    }
    # An identity source like "$request.header…" belongs to HTTP APIs, but some emulators set it by default.
    authorizers = {
        a["AuthorizerId"]: Authorizer(
            parse_function(a.get("AuthorizerUri", "")),
            tuple(s for s in a.get("IdentitySource", ()) if s.startswith("route.request.")),
        )
        for a in items("get_authorizers")
    }

    routes = {}
    for route in items("get_routes"):
        replies = route.get("RouteResponseSelectionExpression") == "$default" and any(
            r["RouteResponseKey"] == "$default"
            for r in client.get_route_responses(ApiId=api_id, RouteId=route["RouteId"])["Items"]
        )
        routes[route["RouteKey"]] = Route(
            key=route["RouteKey"],
            integration=integrations.get(route.get("Target", "").rpartition("/")[2]),
            replies=replies,
            authorization=route.get("AuthorizationType", "NONE"),
            authorizer=authorizers.get(route.get("AuthorizerId", "")),
        )

    stages = {s["StageName"]: read_stage(s) for s in items("get_stages")}
    return Api(api_id, raw["RouteSelectionExpression"], routes, stages)


class ApiCache(Generic[T]):
    """Caches what `read` reads until `forget`, for at most `MAX_AGE_S`; one read at a time per API."""

    def __init__(self, client: Any, read: Callable[[Any, str], T | None]) -> None:
        self._client, self._read = client, read
        self._known: dict[str, tuple[float, T | None]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._generation = 0

    async def get(self, api_id: str) -> T | None:
        """Return the API, or None when there is no such API of this kind."""
        known = self._fresh(api_id)
        if known:
            return known[1]
        async with self._locks.setdefault(api_id, asyncio.Lock()):
            while not (known := self._fresh(api_id)):
                generation = self._generation
                api = await asyncio.to_thread(self._read, self._client, api_id)
                if generation == self._generation:
                    self._known[api_id] = (time.monotonic(), api)
            return known[1]

    def _fresh(self, api_id: str) -> tuple[float, T | None] | None:
        known = self._known.get(api_id)
        return known if known and time.monotonic() - known[0] < MAX_AGE_S else None

    def forget(self) -> None:
        """Drop all cached APIs, since a declaration was changed."""
        self._generation += 1
        self._known.clear()
