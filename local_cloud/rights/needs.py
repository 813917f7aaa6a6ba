"""Which rights a call of an AWS API needs: the actions and resources by which AWS judges it.

docs.aws.amazon.com/service-authorization/latest/reference/: "Actions, resources, and condition keys" of
each service. A batch of SQS is judged by the single action's name, a transaction of DynamoDB by those of its
items, and a call of a function's alias by the alias's ARN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from local_cloud.rights.dynamodb import list_dynamodb_needs
from local_cloud.rights.policies import Need

_FUNCTION = re.compile(r"^/2015-03-31/functions/(?P<function>[^/]+)/(?P<kind>invocations|configuration)$")
_CONNECTION = re.compile(r"^/_aws/execute-api/(?P<api>[^/]+)/(?P<stage>[^/]+)/@connections/(?P<id>.+)$")
_FUNCTION_ACTIONS = {
    ("POST", "invocations"): "lambda:InvokeFunction",
    ("GET", "configuration"): "lambda:GetFunctionConfiguration",
}
# Actions that know no resource.
_WITHOUT_RESOURCE = frozenset({"cloudwatch:DescribeAlarms", "sts:GetCallerIdentity"})


class Place(NamedTuple):
    """Where a call is made."""

    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource here."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


class CalledApi(NamedTuple):
    """A call: the service by its signing name, the operation, and the request's line and JSON body."""

    service: str
    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    parameters: Mapping[str, Any]


class UnknownCall(LookupError):
    """It is not known by which action and resource AWS judges a call; the message names it."""


def list_needs(call: CalledApi, place: Place, partition_keys: Mapping[str, str]) -> list[Need]:
    """Return every right that a call needs.

    `partition_keys` are those of the tables that statements read. Raises UnknownCall, or AttributeError,
    LookupError, TypeError or ValueError for malformed parameters.
    """
    if call.service == "dynamodb":
        needs = list(list_dynamodb_needs(call.operation, call.parameters, place.arn, partition_keys))
    else:
        needs = list(_list_needs(call, place))
    if not needs:
        raise UnknownCall(f"{call.service} {call.operation} {call.method} {call.path}")
    return needs


def _list_needs(call: CalledApi, place: Place) -> Iterator[Need]:
    match call.service:
        case "sqs":
            name = urlsplit(call.parameters["QueueUrl"]).path.rpartition("/")[2]
            yield Need(f"sqs:{call.operation.removesuffix('Batch')}", place.arn("sqs", name))
        case "secretsmanager":
            yield Need(f"secretsmanager:{call.operation}", call.parameters["SecretId"])
        case "events" if call.operation == "PutEvents":
            for bus in sorted({entry["EventBusName"] for entry in call.parameters["Entries"]}):
                arn = bus if bus.startswith("arn:") else place.arn("events", f"event-bus/{bus}")
                yield Need("events:PutEvents", arn)
        case "execute-api":
            yield from _list_connection_needs(call, place)
        case "lambda":
            yield from _list_function_needs(call, place)
        case "logs":
            group = call.parameters["logGroupName"]
            yield Need(f"logs:{call.operation}", place.arn("logs", f"log-group:{group}:*"))
        case "monitoring" if f"cloudwatch:{call.operation}" in _WITHOUT_RESOURCE:
            yield Need(f"cloudwatch:{call.operation}", "*")
        case "sts" if f"sts:{call.operation}" in _WITHOUT_RESOURCE:
            yield Need(f"sts:{call.operation}", "*")


def _list_connection_needs(call: CalledApi, place: Place) -> Iterator[Need]:
    if found := _CONNECTION.match(call.path):
        resource = f"{found['api']}/{found['stage']}/{call.method}/@connections/{found['id']}"
        yield Need("execute-api:ManageConnections", place.arn("execute-api", resource))


def _list_function_needs(call: CalledApi, place: Place) -> Iterator[Need]:
    found = _FUNCTION.match(call.path)
    action = _FUNCTION_ACTIONS.get((call.method, found["kind"])) if found else None
    if found is None or action is None:
        return
    parts = unquote(found["function"]).split(":")
    named = parts[6:] if len(parts) > 6 else parts
    qualifier = call.query.get("Qualifier") or (named[1] if len(named) > 1 else "")
    suffix = f":{qualifier}" if qualifier else ""
    yield Need(action, place.arn("lambda", f"function:{named[0]}{suffix}"))
