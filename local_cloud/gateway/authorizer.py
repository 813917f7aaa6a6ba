"""Asks a REQUEST authorizer whether a client may connect.

docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html and
docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html: an error
`Unauthorized` is 401, a policy that denies is 403, any other failure is 500.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from typing import Any

from local_cloud.gateway import events
from local_cloud.gateway.apis import Authorizer, Stage
from local_cloud.gateway.backend import Backend
from local_cloud.limits.apigateway import is_authorizer_result_too_large
from local_cloud.limits.settings import Limits


class HandshakeRefused(Exception):
    """The handshake is refused with this status and message; `detail` is for the log."""

    def __init__(self, status: int, message: str, detail: str) -> None:
        super().__init__(f"{status} {message}: {detail}")
        self.status, self.message, self.detail = status, message, detail


def _is_missing(source: str, event: events.Event, stage: Stage) -> bool:
    """Whether an identity source (`route.request.header.X`, `route.request.querystring.X`) is absent."""
    kind, _, name = source.removeprefix("route.request.").partition(".")
    if kind == "header":
        return not any(key.lower() == name.lower() and value for key, value in event["headers"].items())
    if kind == "querystring":
        return not event.get("queryStringParameters", {}).get(name)
    return not stage.variables.get(name)


async def authorize(
    backend: Backend, authorizer: Authorizer, stage: Stage, connect: events.Event
) -> dict[str, str]:
    """Run the authorizer; return what later events carry as `requestContext.authorizer`.

    Raises HandshakeRefused.
    """
    if any(_is_missing(source, connect, stage) for source in authorizer.identity_sources):
        raise HandshakeRefused(401, "Unauthorized", "an identity source is missing")

    event = events.build_authorizer_event(connect, authorizer.function, stage.variables)
    invocation = await backend.invoke(authorizer.function, event)
    if invocation.error:
        if invocation.is_unauthorized:
            raise HandshakeRefused(401, "Unauthorized", "the authorizer raised Unauthorized")
        raise HandshakeRefused(500, "Internal Server Error", f"{invocation.error}: {invocation.payload}")
    return read_authorizer_result(invocation.payload, event["methodArn"], backend.limits)


def read_authorizer_result(result: Any, method_arn: str, limits: Limits) -> dict[str, str]:
    """Return the flat context of an authorizer's result as strings, with `principalId`.

    Raises HandshakeRefused when the policy does not allow `method_arn` or the result is malformed.
    """
    if not isinstance(result, dict) or "principalId" not in result:
        raise HandshakeRefused(500, "Internal Server Error", "the authorizer gave no principalId")
    if is_authorizer_result_too_large(result, limits):
        raise HandshakeRefused(500, "Internal Server Error", "the authorizer's result has more than 8 KB")

    policy, context = result.get("policyDocument"), result.get("context") or {}
    if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list | dict):
        raise HandshakeRefused(
            500, "Internal Server Error", "the authorizer gave no policyDocument with a Statement"
        )
    if not isinstance(context, dict) or any(isinstance(v, dict | list) for v in context.values()):
        raise HandshakeRefused(500, "Internal Server Error", "the authorizer's context is not flat")

    effect = evaluate_policy(policy, method_arn)
    if effect != "Allow":
        reason = "an explicit deny" if effect == "Deny" else "no statement that allows"
        raise HandshakeRefused(403, "User is not authorized to access this resource", f"policy has {reason}")
    return {k: _to_text(v) for k, v in context.items()} | {"principalId": str(result["principalId"])}


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def evaluate_policy(policy: Mapping[str, Any], method_arn: str) -> str:
    """Return `Deny` when a matching statement denies, else `Allow` when one allows, else an empty string."""
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    effects = {
        s.get("Effect")
        for s in statements
        if _matches(s.get("Action"), "execute-api:Invoke", fold=True)
        and _matches(s.get("Resource"), method_arn)
    }
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else ""


def _matches(patterns: Any, value: str, *, fold: bool = False) -> bool:
    for pattern in patterns if isinstance(patterns, list) else [patterns]:
        glob, text = (str(pattern).lower(), value.lower()) if fold else (str(pattern), value)
        # Only * and ? are special in a policy; fnmatch also knows sets, so [ is escaped.
        if fnmatch.fnmatchcase(text, glob.replace("[", "[[]")):
            return True
    return False
