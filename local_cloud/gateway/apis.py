"""The API that was declared: what apigatewayv2 says of routes, integrations, authorizers and stages."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.gateway.throttle import Limit

# All changes pass the front, which then forgets what it knew of APIs; this age is for those that
# the emulator makes by itself (CloudFormation).
MAX_AGE_S = 30.0
# The API's own maximum; the provider's validation lets 29001 pass.
MAX_INTEGRATION_TIMEOUT_MS = 29_000
# API Gateway itself runs these when a connection opens and ends; the developer guide's page
# apigateway-websocket-api-route-keys-connect-disconnect.
_NOT_FOR_MESSAGES = frozenset({"$connect", "$disconnect"})
_FUNCTION = re.compile(r"/functions/(?P<arn>[^/]+)/invocations$")


@dataclass(frozen=True, slots=True)
class Integration:
    """What a route runs: a function, or the fixed text of a mock."""

    kind: str
    function: str
    timeout_s: float
    mock_body: str


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer; `identity_sources` must all be present or the answer is 401."""

    function: str
    identity_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One route key; `replies` is whether what the integration returns reaches the client."""

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
    default_limit: Limit | None
    limits: Mapping[str, Limit | None]
    variables: Mapping[str, str]
    log_group: str
    log_format: str

    def limit(self, route_key: str) -> Limit | None:
        """The throttle of a route: its own settings, else the stage's default."""
        return self.limits.get(route_key, self.default_limit)


@dataclass(frozen=True, slots=True)
class Api:
    """A WebSocket API as declared."""

    api_id: str
    selection: str
    routes: Mapping[str, Route]
    stages: Mapping[str, Stage]

    def select(self, text: str) -> Route | None:
        """The route of a message, `$default` where the expression finds no route of its own."""
        key = selected_key(self.selection, text)
        route = None if key in _NOT_FOR_MESSAGES else self.routes.get(key)
        return route or self.routes.get("$default")


def selected_key(expression: str, text: str) -> str:
    """Evaluate `$request.body.x.y` or `${request.body.x.y}` on a message; `$default` where it has none."""
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


def _limit(settings: Mapping[str, Any]) -> Limit | None:
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    # A block with one of them sends the other as 0, and everything is throttled: as on AWS.
    return Limit(float(rate or 0), float(burst or 0))


def _function(uri: str) -> str:
    found = _FUNCTION.search(uri)
    return found["arn"] if found else uri


def _stage(raw: Mapping[str, Any]) -> Stage:
    access_log = raw.get("AccessLogSettings") or {}
    destination = str(access_log.get("DestinationArn", ""))
    return Stage(
        name=raw["StageName"],
        deployed=bool(raw.get("DeploymentId") or raw.get("AutoDeploy")),
        default_limit=_limit(raw.get("DefaultRouteSettings") or {}),
        limits={key: _limit(settings) for key, settings in (raw.get("RouteSettings") or {}).items()},
        variables=raw.get("StageVariables") or {},
        log_group=destination.partition(":log-group:")[2].removesuffix(":*"),
        log_format=str(access_log.get("Format", "")),
    )


def _integration(client: Any, api_id: str, raw: Mapping[str, Any]) -> Integration:
    mock_body = ""
    if raw["IntegrationType"] == "MOCK":
        answers = client.get_integration_responses(ApiId=api_id, IntegrationId=raw["IntegrationId"])["Items"]
        templates = [t for a in answers for t in (a.get("ResponseTemplates") or {}).values()]
        mock_body = templates[0] if templates else ""
    return Integration(
        kind=raw["IntegrationType"],
        function=_function(raw.get("IntegrationUri", "")),
        timeout_s=min(raw.get("TimeoutInMillis") or MAX_INTEGRATION_TIMEOUT_MS, MAX_INTEGRATION_TIMEOUT_MS)
        / 1e3,
        mock_body=mock_body,
    )


def read_api(client: Any, api_id: str) -> Api | None:
    """Ask apigatewayv2 (a boto3 client) for all of one API; None when it is unknown or no WebSocket API."""
    try:
        raw = client.get_api(ApiId=api_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    if raw["ProtocolType"] != "WEBSOCKET":
        return None

    def items(operation: str) -> list[Any]:
        return [i for page in client.get_paginator(operation).paginate(ApiId=api_id) for i in page["Items"]]

    integrations = {i["IntegrationId"]: _integration(client, api_id, i) for i in items("get_integrations")}
    # An identity source of the form "$request.header…" is an HTTP API's: some emulators put it as a default.
    authorizers = {
        a["AuthorizerId"]: Authorizer(
            _function(a.get("AuthorizerUri", "")),
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
    stages = {s["StageName"]: _stage(s) for s in items("get_stages")}
    return Api(api_id, raw["RouteSelectionExpression"], routes, stages)


class ApiCache:
    """What `read_api` found, kept until `forget` or for `MAX_AGE_S`; one read at a time per API."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, tuple[float, Api | None]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._generation = 0

    async def get(self, api_id: str) -> Api | None:
        """The API, or None when there is no such WebSocket API."""
        known = self._fresh(api_id)
        if known:
            return known[1]
        async with self._locks.setdefault(api_id, asyncio.Lock()):
            while not (known := self._fresh(api_id)):
                generation = self._generation
                api = await asyncio.to_thread(read_api, self._client, api_id)
                if generation == self._generation:
                    self._known[api_id] = (time.monotonic(), api)
            return known[1]

    def _fresh(self, api_id: str) -> tuple[float, Api | None] | None:
        known = self._known.get(api_id)
        return known if known and time.monotonic() - known[0] < MAX_AGE_S else None

    def forget(self) -> None:
        """Read again: a declaration was changed."""
        self._generation += 1
        self._known.clear()
