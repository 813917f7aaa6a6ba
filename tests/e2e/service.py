"""What tests do to the applied service behind its clients: publish, read tables and queues, cause faults."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local_cloud.client import WAIT_SECONDS
from local_cloud.control_client import call_control
from local_cloud.function_processes import kill_function
from local_cloud.stack import REGION, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EMPTIED_SECONDS = 90
"""What docs/operations.md promises of accepted work whose function is killed, as other tests' are."""


class Service:
    """The applied stack, with the operations that tests need."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.websocket_url = stack.websocket_url
        self.token = stack.token
        self._lambda, self._sqs = stack.client("lambda"), stack.client("sqs")
        self._dynamodb = boto3.resource(
            "dynamodb",
            endpoint_url=stack.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Terraform's outputs."""
        return self.stack.outputs

    def publish(self, **event: Any) -> dict[str, Any]:
        """Publish a deal by synchronous invoke; return the body of the response."""
        return self.invoke("broadcast", {"messageType": "dealUpdate", **event})

    def invoke(self, function: str, payload: Any) -> dict[str, Any]:
        """Invoke a function, expect a 200, and return the body."""
        response = self.invoke_raw(function, payload)
        assert response["statusCode"] == 200, response
        return dict(json.loads(response["body"]))

    def invoke_raw(self, function: str, payload: Any) -> dict[str, Any]:
        """Invoke a function and return its response."""
        arn = self.outputs["function_arns"][function]
        response = self._lambda.invoke(FunctionName=arn, Payload=json.dumps(payload).encode())
        text = response["Payload"].read()
        assert "FunctionError" not in response, text
        return dict(json.loads(text))

    def invoke_async(self, function: str, payload: Any) -> None:
        """Invoke a function asynchronously."""
        arn = self.outputs["function_arns"][function]
        self._lambda.invoke(FunctionName=arn, Payload=json.dumps(payload).encode(), InvocationType="Event")

    def send(self, queue: str, body: Any) -> None:
        """Send a body to a queue of the stack."""
        self._sqs.send_message(QueueUrl=self.outputs["queue_urls"][queue], MessageBody=json.dumps(body))

    def queue_arn(self, queue: str) -> str:
        """Return the ARN of a queue of the stack."""
        return str(self._queue_attributes(queue)["QueueArn"])

    @contextmanager
    def admitting(self, queue: str, sender: str, source_arn: str) -> Iterator[None]:
        """Let an AWS service send to a queue for one source, as Terraform does for those that it is given."""
        url, before = self.outputs["queue_urls"][queue], self._queue_attributes(queue).get("Policy", "")
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": sender},
            "Action": "sqs:SendMessage",
            "Resource": self.queue_arn(queue),
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        try:
            yield
        finally:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": before})

    async def emptied(self, queue: str) -> None:
        """Wait until a queue has no message left, also none whose function was killed."""
        deadline = time.monotonic() + EMPTIED_SECONDS
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        while time.monotonic() < deadline:
            attributes = await asyncio.to_thread(self._queue_attributes, queue)
            if not any(int(attributes[name]) for name in counts):
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"{queue} is not empty within {EMPTIED_SECONDS} s")

    def _queue_attributes(self, queue: str) -> Mapping[str, str]:
        url = self.outputs["queue_urls"][queue]
        return self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def table(self, name: str) -> Any:
        """Return a table of the stack."""
        return self._dynamodb.Table(self.outputs["table_names"][name])

    def memberships(self, connection_id: str) -> list[dict[str, Any]]:
        """Return every membership of a connection, by a consistent scan that misses none."""
        table, memberships, start = self.table("subscriptions"), [], {}
        while True:
            page = table.scan(ConsistentRead=True, **start)
            memberships += [item for item in page["Items"] if item["sk"] == connection_id]
            if "LastEvaluatedKey" not in page:
                return memberships
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    async def dead_letter(self, queue: str, containing: str) -> dict[str, Any]:
        """Wait for a dead letter whose body contains a text; delete and return it."""
        url, deadline = self.outputs["queue_urls"][queue], time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            response = await asyncio.to_thread(
                self._sqs.receive_message,
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                VisibilityTimeout=1,
            )
            for message in response.get("Messages", []):
                if containing in message["Body"]:
                    self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    return dict(message)

            await asyncio.sleep(0.2)
        raise AssertionError(f"no dead letter containing {containing!r} in {queue} within {WAIT_SECONDS} s")

    def vanish(self, connection_id: str) -> None:
        """Abort a connection and lose its `$disconnect`, as when a phone loses coverage."""
        self.control(f"connections/{connection_id}/drop", {"lose_disconnect": True})

    def kill(self, function: str) -> int:
        """Kill every process of a function, in the middle of what it does; return how many."""
        return kill_function(self.outputs["function_names"][function], self.stack.endpoint)

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Call the local cloud's control API and return its response; another cloud has none."""
        if not self.stack.has_control_api:
            pytest.skip("only this project's local cloud takes faults and a clock: unset LOCALSTACK_ENDPOINT")
        return call_control(self.stack.endpoint, method, path, body)
