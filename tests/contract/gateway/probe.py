"""Small WebSocket APIs for the contract tests, created with boto3 alone, so that they also run on AWS.

Every route runs one function, the probe, which does what the client's message says and answers with the
event it received.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.httpsession import URLLib3Session

STAGE = "test"

PROBE = """
import json, os, time, urllib.request

def handler(event, context):
    print(event.get("print") or json.dumps(event))
    if event.get("type") == "REQUEST":
        return authorize_http(event) if event.get("version") == "2.0" else authorize(event)
    ask = event.get("queryStringParameters") or {}
    if event["requestContext"].get("eventType") == "MESSAGE":
        try:
            ask = json.loads(event["body"])
        except (ValueError, RecursionError):
            ask = {}
        ask = ask if isinstance(ask, dict) else {}
    if "tell" in ask:
        urllib.request.urlopen(ask["tell"] + event["requestContext"]["connectionId"]).read()
    if "environment" in ask:
        event["environment"] = os.environ.get(ask["environment"])
    time.sleep(float(ask.get("sleep", 0)))
    if ask.get("fail"):
        raise RuntimeError("an internal detail")
    if ask.get("malformed"):
        return {"no": "statusCode"}
    if "bare" in ask:
        return {"bare": ask["bare"]}
    headers = {"Sec-WebSocket-Protocol": ask["protocol"]} if "protocol" in ask else {}
    body = ask.get("say", json.dumps(event))
    return {"statusCode": int(ask.get("status", 200)), "headers": headers, "body": body}

def authorize_http(event):
    asked = event["headers"]["authorization"].partition(" ")[0]
    if asked == "Unauthorized":
        raise Exception("Unauthorized")
    if asked == "broken":
        raise RuntimeError("an internal detail")
    if asked == "malformed":
        return {"isAuthorized": "true"}
    return {"isAuthorized": asked == "Allow", "context": {"userId": "u-1", "at": str(time.time_ns())}}

def authorize(event):
    asked = (event.get("queryStringParameters") or {}).get("auth", "Allow")
    if asked == "Unauthorized":
        raise Exception("Unauthorized")
    if asked == "broken":
        raise RuntimeError("an internal detail")
    context = {"nested": {"no": 1}} if asked == "nested" else {"userId": "u-1", "level": 7, "vip": True}
    statement = {"Action": "execute-api:Invoke", "Effect": asked, "Resource": event["methodArn"]}
    if asked == "nested":
        statement["Effect"] = "Allow"
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "p-1", "policyDocument": policy, "context": context}
"""

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def build_zip(source: str) -> bytes:
    """Return a deployment package with one module, `index`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


@dataclass(frozen=True)
class Target:
    """Where the tests run: the local cloud (with its endpoint) or AWS (without)."""

    session: boto3.Session
    endpoint: str | None

    def client(self, service: str, **options: Any) -> Any:
        config = Config(retries={"total_max_attempts": 1}, **options)
        return self.session.client(service, endpoint_url=self.endpoint, config=config)

    @property
    def account(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    def urls(self, api_id: str, stage: str) -> tuple[str, str]:
        """Return the WebSocket URL of a stage and the endpoint of its `@connections`."""
        if self.endpoint:
            path = f"/_aws/execute-api/{api_id}/{stage}"
            return self.endpoint.replace("http", "ws", 1) + path, self.endpoint + path
        host = f"{api_id}.execute-api.{self.session.region_name}.amazonaws.com/{stage}"
        return f"wss://{host}", f"https://{host}"


@dataclass(frozen=True)
class Api:
    """A deployed API."""

    target: Target
    api_id: str
    url: str
    management_url: str
    function: str

    def management(self, session: boto3.Session | None = None) -> Any:
        config = Config(retries={"total_max_attempts": 1})
        return (session or self.target.session).client(
            "apigatewaymanagementapi", endpoint_url=self.management_url, config=config
        )

    async def await_event(self, kind: str, connection_id: str) -> dict[str, Any]:
        """Wait until the probe logged an event of a type for a connection; return the event."""
        logs = self.target.client("logs")
        timeout = 15 if self.target.endpoint else 60
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            page = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{self.function}", filterPattern=f'"{connection_id}"'
            )
            for record in page["events"]:
                event = json.loads(record["message"])
                if event["requestContext"]["eventType"] == kind and event.get("type") != "REQUEST":
                    return event
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {kind} event of {connection_id} within {timeout} s")


@dataclass(frozen=True)
class HttpApi:
    """A deployed HTTP API."""

    target: Target
    api_id: str
    url: str
    function: str

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        session: boto3.Session | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """Send a request; return status, body (JSON where it is) and headers in lower case.

        With a `session` the request is signed by its credentials.
        """
        request = AWSRequest(method, self.url + path, data=body, headers=dict(headers or {}))
        if session is not None:
            credentials = session.get_credentials()
            assert credentials is not None
            SigV4Auth(credentials, "execute-api", session.region_name).add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        try:
            given = json.loads(answer.content)
        except ValueError:
            given = answer.content.decode()
        return answer.status_code, given, {name.lower(): value for name, value in answer.headers.items()}


class Deployer:
    """Creates APIs and deletes all of them at the end."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._gateway, self._lambda = target.client("apigatewayv2"), target.client("lambda")
        self._deletions: list[Any] = []
        self._name = f"gateway-contract-{uuid.uuid4().hex[:8]}"
        self.function = self._create_function()
        region, account = target.session.region_name, target.account
        self._uri = (
            f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/"
            f"arn:aws:lambda:{region}:{account}:function:{self.function}/invocations"
        )

    def _create_function(self) -> str:
        iam = self._target.client("iam")
        role = iam.create_role(RoleName=self._name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"][
            "Arn"
        ]
        iam.attach_role_policy(RoleName=self._name, PolicyArn=_LOGS)
        self._deletions.append(lambda: iam.delete_role(RoleName=self._name))
        self._deletions.append(lambda: iam.detach_role_policy(RoleName=self._name, PolicyArn=_LOGS))
        if self._target.endpoint is None:
            time.sleep(10)  # Lambda learns of a new role with a delay
        self._lambda.create_function(
            FunctionName=self._name, Runtime="python3.13", Handler="index.handler", Role=role, Timeout=30,
            Code={"ZipFile": build_zip(PROBE)},
        )  # fmt: skip
        self._deletions.append(lambda: self._lambda.delete_function(FunctionName=self._name))
        self._lambda.get_waiter("function_active_v2").wait(FunctionName=self._name)
        self._lambda.add_permission(
            FunctionName=self._name, StatementId="gateway", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )  # fmt: skip
        return self._name

    def _integration(self, api_id: str, **options: Any) -> str:
        wanted = {"IntegrationType": "AWS_PROXY", "IntegrationUri": self._uri, "IntegrationMethod": "POST"}
        wanted |= options
        if wanted["IntegrationType"] == "MOCK":
            del wanted["IntegrationUri"], wanted["IntegrationMethod"]
        return self._gateway.create_integration(ApiId=api_id, **wanted)["IntegrationId"]

    def deploy(
        self,
        routes: Mapping[str, Mapping[str, Any]],
        *,
        selection: str = "$request.body.action",
        identity_source: list[str] | None = None,
        **stage: Any,
    ) -> Api:
        """Create an API. A route may have `replies`, `integration` (options), `authorizer`, `response`."""
        api_id = self._gateway.create_api(
            Name=self._name, ProtocolType="WEBSOCKET", RouteSelectionExpression=selection
        )["ApiId"]
        self._deletions.append(lambda: self._gateway.delete_api(ApiId=api_id))

        for key, wanted in routes.items():
            integration = self._integration(api_id, **wanted.get("integration", {}))
            if "mock" in wanted:
                self._gateway.create_integration_response(
                    ApiId=api_id, IntegrationId=integration, IntegrationResponseKey="$default",
                    ResponseTemplates={"$default": wanted["mock"]}, TemplateSelectionExpression="$default",
                )  # fmt: skip
            options: dict[str, Any] = {}
            if "replies" in wanted:
                options["RouteResponseSelectionExpression"] = "$default"
            if wanted.get("authorizer"):
                authorizer = self._gateway.create_authorizer(
                    ApiId=api_id, AuthorizerType="REQUEST", Name="probe",
                    IdentitySource=identity_source or [], AuthorizerUri=self._uri,
                )["AuthorizerId"]  # fmt: skip
                options |= {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer}
            route = self._gateway.create_route(
                ApiId=api_id, RouteKey=key, Target=f"integrations/{integration}", **options
            )["RouteId"]
            if wanted.get("replies"):
                self._gateway.create_route_response(ApiId=api_id, RouteId=route, RouteResponseKey="$default")

        deployment = self._gateway.create_deployment(ApiId=api_id)["DeploymentId"]
        self._gateway.create_stage(ApiId=api_id, StageName=STAGE, DeploymentId=deployment, **stage)
        if self._target.endpoint is None:
            time.sleep(5)  # a new stage is served with a delay
        return Api(self._target, api_id, *self._target.urls(api_id, STAGE), self.function)

    def deploy_http(
        self, routes: Mapping[str, Mapping[str, Any]], *, cache_seconds: int = 0, **stage: Any
    ) -> HttpApi:
        """Create an HTTP API. A route may have `authorization` (`CUSTOM`, `AWS_IAM`) and `integration`."""
        api_id = self._gateway.create_api(Name=self._name, ProtocolType="HTTP")["ApiId"]
        self._deletions.append(lambda: self._gateway.delete_api(ApiId=api_id))
        for key, wanted in routes.items():
            options = {"PayloadFormatVersion": "2.0", **wanted.get("integration", {})}
            integration = self._integration(api_id, **options)
            route = {"AuthorizationType": wanted.get("authorization", "NONE")}
            if route["AuthorizationType"] == "CUSTOM":
                route["AuthorizerId"] = self._gateway.create_authorizer(
                    ApiId=api_id, AuthorizerType="REQUEST", Name="probe", AuthorizerUri=self._uri,
                    IdentitySource=["$request.header.Authorization"], AuthorizerPayloadFormatVersion="2.0",
                    EnableSimpleResponses=True, AuthorizerResultTtlInSeconds=cache_seconds,
                )["AuthorizerId"]  # fmt: skip
            self._gateway.create_route(
                ApiId=api_id, RouteKey=key, Target=f"integrations/{integration}", **route
            )
        deployment = self._gateway.create_deployment(ApiId=api_id)["DeploymentId"]
        self._gateway.create_stage(ApiId=api_id, StageName=STAGE, DeploymentId=deployment, **stage)
        if self._target.endpoint is None:
            time.sleep(5)  # a new stage is served with a delay
        return HttpApi(self._target, api_id, self._target.urls(api_id, STAGE)[1], self.function)

    def delete_all(self) -> None:
        """Delete everything that was created."""
        for delete in reversed(self._deletions):
            delete()
