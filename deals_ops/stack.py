"""A deployed service, found by its name alone: what its functions are told says where everything else is."""

from __future__ import annotations

import json
import os
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deals_ops.aws import Adapted
from deals_ops.error_translation import DENIED
from deals_ops.errors import CallFailed, Missing, NotAllowed
from realtime_core.adapters.dynamodb_connections import DynamoConnections
from realtime_core.adapters.dynamodb_history import DynamoHistory
from realtime_core.adapters.dynamodb_revocations import DynamoRevocations
from realtime_core.adapters.dynamodb_subscriptions import DynamoSubscriptions
from realtime_core.adapters.dynamodb_upkeep import DynamoUpkeep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deals_ops.aws import Aws

FUNCTIONS = ("authorizer", "connection_handler", "message_router", "broadcast", "delivery", "janitor")
WITH_REDIS = ("index_projector", "redis_relay")
"""Functions that a stack has only where Redis is enabled."""
DEAD_LETTERS = {"events": ("broadcast", "EVENTS_DLQ_URL"), "deliveries": ("delivery", "DELIVERIES_DLQ_URL")}
"""By queue: which function knows where its dead letters are, and by which setting."""
ALIAS = "live"
"""The version in service; everything that runs is reached by it."""


class Stack:
    """The service `<name>-<environment>` of one account and Region."""

    def __init__(self, aws: Aws, name: str, environment: str) -> None:
        self.aws = aws
        self.name = name
        self.environment = environment
        self.prefix = f"{name}-{environment}"
        self.configuration = cache(self._configuration)

    def _configuration(self, function: str) -> Mapping[str, Any]:
        """What Lambda says of a function's version in service. Raises Missing."""
        try:
            answer: Mapping[str, Any] = self.aws.client("lambda").get_function_configuration(
                FunctionName=f"{self.prefix}-{function}", Qualifier=ALIAS
            )
        except ClientError as error:
            code, name = error.response["Error"]["Code"], f"{self.prefix}-{function}"
            if code in DENIED:
                raise NotAllowed(
                    f"these credentials may not look at the function {name} "
                    "(lambda:GetFunctionConfiguration): is that the stack's name, and have they a policy of "
                    "docs/operator_cli.md?"
                ) from error
            if code != "ResourceNotFoundException":
                raise
            raise Missing(
                f"there is no function {name} in {self.aws.region}: check --name, --environment, --region "
                "and whose credentials these are"
            ) from error
        return answer

    def setting(self, function: str, variable: str) -> str | None:
        """What a function is told by one variable of its environment."""
        told = self.configuration(function).get("Environment", {}).get("Variables", {})
        return told.get(variable) or None

    def needed(self, function: str, variable: str) -> str:
        """What a function is told by a variable that it cannot do without. Raises Missing."""
        value = self.setting(function, variable)
        if value is None:
            raise Missing(f"{self.prefix}-{function} has no {variable}: is it of another version?")
        return value

    @property
    def management_endpoint(self) -> str:
        """Where `@connections` is, as the functions have it."""
        return self.needed("janitor", "MANAGEMENT_ENDPOINT")

    @property
    def websocket_url(self) -> str:
        """Where clients connect: API Gateway serves both at one address."""
        return "ws" + self.management_endpoint.removeprefix("http")

    @property
    def gateway(self) -> Any:
        """The client of `@connections`."""
        return self.aws.client("apigatewaymanagementapi", self.management_endpoint)

    @cached_property
    def dynamodb(self) -> Any:
        """The client of DynamoDB for the adapters."""
        return Adapted(self.aws.client("dynamodb"))

    @property
    def connections_table(self) -> str:
        """The name of the connections table."""
        return self.needed("janitor", "CONNECTIONS_TABLE")

    @property
    def connections(self) -> DynamoConnections:
        """Who is connected."""
        return DynamoConnections(self.dynamodb, self.connections_table)

    @property
    def upkeep(self) -> DynamoUpkeep:
        """The connections as the janitor sees and counts them."""
        return DynamoUpkeep(self.dynamodb, self.connections_table)

    @property
    def subscriptions(self) -> DynamoSubscriptions:
        """Who wants what."""
        return DynamoSubscriptions(
            self.dynamodb, self.connections_table, self.needed("janitor", "SUBSCRIPTIONS_TABLE")
        )

    @property
    def revocations(self) -> DynamoRevocations:
        """Whose tokens were taken back."""
        return DynamoRevocations(self.dynamodb, self.needed("janitor", "REVOCATIONS_TABLE"))

    @property
    def history(self) -> DynamoHistory:
        """What was published."""
        return DynamoHistory(self.dynamodb, self.needed("janitor", "HISTORY_TABLE"), os.urandom)

    def dead_letter_url(self, queue: str) -> str:
        """The URL of a queue's dead-letter queue."""
        return self.needed(*DEAD_LETTERS[queue])

    def queue_url(self, queue: str) -> str:
        """The URL of a queue. A dead-letter queue has its queue's name and -dlq: module fan-out."""
        return self.dead_letter_url(queue).removesuffix("-dlq")

    def invoke(self, function: str, payload: Any, *, patient: bool = False) -> Any:
        """Invoke the version in service and wait for its answer. Raises CallFailed where its code fails."""
        answer = self.aws.client("lambda", patient=patient).invoke(
            FunctionName=f"{self.prefix}-{function}", Qualifier=ALIAS, Payload=json.dumps(payload).encode()
        )
        text = answer["Payload"].read()
        if "FunctionError" in answer:
            told = json.loads(text)
            raise CallFailed(
                f"{function} failed: {told.get('errorType', '')} {told.get('errorMessage', '')}; "
                f"its log: aws logs tail /aws/lambda/{self.prefix}-{function} --since 10m"
            )
        return json.loads(text)
