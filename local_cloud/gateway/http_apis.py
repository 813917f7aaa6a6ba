"""The declared HTTP APIs: routes, integrations, authorizers and stages, read from apigatewayv2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from local_cloud.gateway.apis import Stage, open_api, parse_function, read_stage

MAX_INTEGRATION_TIMEOUT_MS = 30_000
"""docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
DEFAULT_STAGE = "$default"


@dataclass(frozen=True, slots=True)
class HttpAuthorizer:
    """A Lambda authorizer; its answers are kept for `ttl_s` by the values of its identity sources."""

    authorizer_id: str
    function: str
    identity_sources: tuple[str, ...]
    payload_version: str
    has_simple_responses: bool
    ttl_s: float


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """One route key. `function` is None where its integration is not a Lambda proxy of format 2.0."""

    key: str
    authorization: str
    authorizer: HttpAuthorizer | None
    function: str | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class HttpApi:
    """An HTTP API as declared."""

    api_id: str
    routes: Mapping[str, HttpRoute]
    stages: Mapping[str, Stage]
    is_disabled: bool
    """Whether the default endpoint is off, which is the only one that is served here."""

    def select(self, method: str, path: str) -> HttpRoute | None:
        """Return the route of a request: that of its method and path, else of any method, else `$default`.

        docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html; a path with
        parameters is not imitated.
        """
        keys = (f"{method} {path}", f"ANY {path}", DEFAULT_STAGE)
        return next((self.routes[key] for key in keys if key in self.routes), None)


class Target(NamedTuple):
    """The stage and the path below it that a request is for."""

    stage: Stage
    path: str


def find_target(api: HttpApi, first: str, rest: str) -> Target | None:
    """Return where a request goes, by the first part of its path and the rest; None where nothing serves."""
    for name, path in ((first, rest or "/"), (DEFAULT_STAGE, f"/{first}{rest}")):
        stage = api.stages.get(name)
        if stage is not None:
            return Target(stage, path) if stage.deployed and not api.is_disabled else None
    return None


def read_http_api(client: Any, api_id: str) -> HttpApi | None:
    """Read one API from apigatewayv2 (a boto3 client); None when it is unknown or not an HTTP API."""
    if (declared := open_api(client, api_id, "HTTP")) is None:
        return None
    raw, items = declared

    integrations = {i["IntegrationId"]: i for i in items("get_integrations")}
    authorizers = {
        a["AuthorizerId"]: _read_authorizer(a)
        for a in items("get_authorizers")
        if a.get("AuthorizerType") == "REQUEST"
    }
    routes = {
        route["RouteKey"]: _read_route(
            route,
            integrations.get(route.get("Target", "").rpartition("/")[2], {}),
            authorizers.get(route.get("AuthorizerId", "")),
        )
        for route in items("get_routes")
    }
    stages = {stage["StageName"]: read_stage(stage) for stage in items("get_stages")}
    return HttpApi(api_id, routes, stages, bool(raw.get("DisableExecuteApiEndpoint")))


def _read_authorizer(raw: Mapping[str, Any]) -> HttpAuthorizer:
    return HttpAuthorizer(
        raw["AuthorizerId"],
        parse_function(raw.get("AuthorizerUri", "")),
        tuple(raw.get("IdentitySource") or ()),
        raw.get("AuthorizerPayloadFormatVersion", "2.0"),
        bool(raw.get("EnableSimpleResponses")),
        float(raw.get("AuthorizerResultTtlInSeconds") or 0),
    )


def _read_route(
    raw: Mapping[str, Any], integration: Mapping[str, Any], authorizer: HttpAuthorizer | None
) -> HttpRoute:
    is_proxy = (
        integration.get("IntegrationType") == "AWS_PROXY"
        and integration.get("PayloadFormatVersion", "2.0") == "2.0"
    )
    timeout_ms = integration.get("TimeoutInMillis") or MAX_INTEGRATION_TIMEOUT_MS
    return HttpRoute(
        key=raw["RouteKey"],
        authorization=raw.get("AuthorizationType", "NONE"),
        authorizer=authorizer,
        function=parse_function(integration.get("IntegrationUri", "")) if is_proxy else None,
        timeout_s=min(timeout_ms, MAX_INTEGRATION_TIMEOUT_MS) / 1000,
    )
