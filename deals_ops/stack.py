"""A deployed stack, found by its name: its functions' environment variables name every other resource."""

from __future__ import annotations

import json
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deals_ops.aws import AdaptedClient
from deals_ops.error_translation import ACCESS_DENIED_CODES
from deals_ops.errors import CallFailed, Missing, NotAllowed
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.concurrency import map_concurrently
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.dynamodb_schedule import DynamoSchedule
from realtime_core.connections.schedule import PARTITIONS
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deals_ops.aws import AwsClients

FUNCTIONS = ("authorizer", "connection_handler", "message_router", "broadcast", "delivery", "janitor")
OPTIONAL_FUNCTIONS = ("forwarder", "index_projector", "redis_relay")
"""Functions that a stack has only if it forwards events to other Regions, or if Redis is enabled."""
DEAD_LETTERS_SUFFIX = "-dlq"
"""The module `fan-out` names a queue's dead-letter queue `<queue>-dlq`."""
QUEUE_SETTINGS = {
    "events": ("broadcast", "EVENTS_DLQ_URL"),
    "deliveries": ("delivery", "DELIVERIES_DLQ_URL"),
    "forwards": ("broadcast", "FORWARDS_QUEUE_URL"),
}
"""By queue: the function and its environment variable with the URL of the queue or of its dead letters."""
QUEUE_READERS = {"events": "broadcast", "deliveries": "delivery", "forwards": "forwarder"}
"""By queue: the function that works on it."""
FORWARDS = "forwards"
"""The queue that a stack has only if it forwards events to other Regions."""
ALIAS = "live"
"""The alias of the version in service, by which everything invokes the functions."""


LOCAL_ENVIRONMENT = "local"


class Stack:
    """The stack `<name>-<environment>` of one account and Region."""

    def __init__(self, aws: AwsClients, name: str, environment: str) -> None:
        self.aws = aws
        self.name = name
        self.environment = environment
        self.prefix = f"{name}-{environment}"
        self.get_configuration = cache(self._get_configuration)

    @property
    def is_local(self) -> bool:
        """Whether this is the stack of a local cloud (terraform/environments/local)."""
        return self.environment == LOCAL_ENVIRONMENT

    def _get_configuration(self, function: str) -> Mapping[str, Any]:
        """Return the configuration of a function's version in service. Raises Missing and NotAllowed."""
        name = f"{self.prefix}-{function}"
        try:
            configuration: Mapping[str, Any] = self.aws.client("lambda").get_function_configuration(
                FunctionName=name, Qualifier=ALIAS
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]

            # A policy covers one stack, so a wrong name is denied rather than not found.
            if code in ACCESS_DENIED_CODES:
                raise NotAllowed(
                    f"these credentials may not look at the function {name} "
                    "(lambda:GetFunctionConfiguration): is that the name of the stack, and do they have one "
                    "of the policies in docs/operator_cli.md?"
                ) from error
            if code != "ResourceNotFoundException":
                raise
            raise Missing(
                f"there is no function {name} in {self.aws.region}: check --name, --environment, --region "
                "and the account of the credentials"
            ) from error
        return configuration

    def find_setting(self, function: str, variable: str) -> str | None:
        """Return an environment variable of a function, or None if it is not set."""
        variables = self.get_configuration(function).get("Environment", {}).get("Variables", {})
        return variables.get(variable) or None

    def get_setting(self, function: str, variable: str) -> str:
        """Return an environment variable that a function requires. Raises Missing."""
        value = self.find_setting(function, variable)
        if value is None:
            raise Missing(f"{self.prefix}-{function} has no {variable}: is it a different version?")
        return value

    @property
    def management_endpoint(self) -> str:
        """The URL of `@connections`."""
        return self.get_setting("janitor", "MANAGEMENT_ENDPOINT")

    @property
    def websocket_url(self) -> str:
        """The URL that clients connect to: API Gateway serves both at one address."""
        return "ws" + self.management_endpoint.removeprefix("http")

    @property
    def gateway(self) -> Any:
        """The client of `@connections`."""
        return self.aws.client("apigatewaymanagementapi", self.management_endpoint)

    @cached_property
    def dynamodb(self) -> Any:
        """The client of DynamoDB for the service's adapters."""
        return AdaptedClient(self.aws.client("dynamodb"))

    @property
    def connections_table(self) -> str:
        """The name of the connections table."""
        return self.get_setting("janitor", "CONNECTIONS_TABLE")

    @property
    def connections(self) -> DynamoConnections:
        """The records of the connections."""
        return DynamoConnections(self.dynamodb, self.connections_table)

    @property
    def schedule(self) -> DynamoSchedule:
        """The connections by their index, which counts them."""
        partitions = self.find_setting("janitor", "SCHEDULE_PARTITIONS")
        return DynamoSchedule(
            self.dynamodb, self.connections_table, int(partitions) if partitions else PARTITIONS
        )

    def count_connections(self) -> int:
        """Return how many connections have a record."""
        schedule = self.schedule
        return sum(map_concurrently(schedule.count, range(schedule.partitions)))

    @property
    def subscriptions(self) -> DynamoSubscriptions:
        """The subscriptions and their groups."""
        return DynamoSubscriptions(
            self.dynamodb, self.connections_table, self.get_setting("janitor", "SUBSCRIPTIONS_TABLE")
        )

    @property
    def revocations(self) -> DynamoRevocations:
        """The revoked tokens."""
        return DynamoRevocations(self.dynamodb, self.get_setting("janitor", "REVOCATIONS_TABLE"))

    @property
    def history(self) -> DynamoHistory:
        """The published events."""
        return DynamoHistory(self.dynamodb, self.get_setting("janitor", "HISTORY_TABLE"))

    def list_queues(self) -> list[str]:
        """Return the names of the queues that this stack has."""
        forwards = self.find_setting(*QUEUE_SETTINGS[FORWARDS]) is not None
        return [queue for queue in QUEUE_SETTINGS if queue != FORWARDS or forwards]

    def get_queue_url(self, queue: str) -> str:
        """Return the URL of a queue. Raises Missing."""
        if queue == FORWARDS and FORWARDS not in self.list_queues():
            raise Missing(
                f"{self.prefix} forwards nothing to other Regions, so it has no queue {FORWARDS}; "
                "`forward_events_to` of the stack names them"
            )
        return self.get_setting(*QUEUE_SETTINGS[queue]).removesuffix(DEAD_LETTERS_SUFFIX)

    def get_dead_letter_url(self, queue: str) -> str:
        """Return the URL of a queue's dead-letter queue. Raises Missing."""
        return self.get_queue_url(queue) + DEAD_LETTERS_SUFFIX

    def invoke(self, function: str, payload: Any, *, long_call: bool = False) -> Any:
        """Invoke the version in service and return its response. Raises CallFailed if the function fails."""
        response = self.aws.client("lambda", long_call=long_call).invoke(
            FunctionName=f"{self.prefix}-{function}", Qualifier=ALIAS, Payload=json.dumps(payload).encode()
        )
        text = response["Payload"].read()

        if "FunctionError" in response:
            error = json.loads(text)
            raise CallFailed(
                f"{function} failed: {error.get('errorType', '')} {error.get('errorMessage', '')}; "
                f"its log: aws logs tail /aws/lambda/{self.prefix}-{function} --since 10m"
            )
        return json.loads(text)
