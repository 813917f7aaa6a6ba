"""Creates all AWS clients, so that timeouts and retries are decided in one place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from realtime_core.aws import credentials
from realtime_core.aws.endpoint import Endpoint
from realtime_core.aws.json_client import AwsClient, JsonClient, Service

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sqs.client import SQSClient

C = TypeVar("C", bound=AwsClient)

# Every call here answers in milliseconds or not at all, and API Gateway waits 29 s for a function.
CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 5.0
ATTEMPTS = 3

_SERVICES = {
    "dynamodb": Service("dynamodb", "DynamoDB_20120810"),
    "sqs": Service("sqs", "AmazonSQS"),
    "secretsmanager": Service("secretsmanager", "secretsmanager", version="1.1"),
    "lambda": Service("lambda"),
    "events": Service("events", "AWSEvents", version="1.1"),
}
# Each service's name in AWS_ENDPOINT_URL_<service>, as AWS's own tools read it.
_VARIABLES = {
    "dynamodb": "DYNAMODB",
    "sqs": "SQS",
    "secretsmanager": "SECRETS_MANAGER",
    "lambda": "LAMBDA",
    "events": "EVENTBRIDGE",
}


@overload
def client(service: Literal["dynamodb"], **overrides: Any) -> DynamoDBClient: ...
@overload
def client(service: Literal["sqs"], **overrides: Any) -> SQSClient: ...
@overload
def client(service: Literal["secretsmanager"], **overrides: Any) -> SecretsManagerClient: ...
def client(service: str, **overrides: Any) -> Any:
    """Return a low-level client with the methods of botocore's that this service uses.

    It is safe to share between threads. `overrides` are `endpoint_url`, `region_name`, `connect_timeout` and
    `read_timeout` (seconds), and `attempts`. The environment gives the Region, credentials and endpoint
    (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB` …), under the names that AWS's own tools read. Raises
    SettingsInvalid where one is missing.
    """
    return create_client(JsonClient, service, **overrides)


def connect_ahead(client: DynamoDBClient) -> None:
    """Open a connection for a call that is still to come, and derive its key. Raises OSError if it fails."""
    # To a type checker it is botocore's client, which has no such method.
    cast("JsonClient", client).connect_ahead()


def create_client(
    kind: type[C],
    service: str,
    *,
    endpoint_url: str | None = None,
    region_name: str | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
    read_timeout: float = READ_TIMEOUT,
    attempts: int = ATTEMPTS,
) -> C:
    """Return a client of the class `kind`; otherwise as `client`."""
    region = region_name or credentials.region()
    return kind(
        _SERVICES[service],
        Endpoint.of(endpoint_url or _endpoint_url(service, region)),
        region,
        credentials.credentials(),
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        attempts=attempts,
    )


def _endpoint_url(service: str, region: str) -> str:
    for name in (f"AWS_ENDPOINT_URL_{_VARIABLES[service]}", "AWS_ENDPOINT_URL"):
        if url := os.environ.get(name):
            return url
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}"
