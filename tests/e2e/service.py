"""What tests do to the applied service from behind: publish, look into tables and queues, break things."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3

from local_cloud.client import WAIT_SECONDS
from local_cloud.stack import REGION, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping


class Service:
    """The stack, with the verbs that tests use."""

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
        """Publish a deal by synchronous invoke; the answer's body."""
        return self.invoke("broadcast", {"messageType": "dealUpdate", **event})

    def invoke(self, function: str, payload: Any) -> dict[str, Any]:
        """Invoke and expect a 200; its body."""
        answer = self.invoke_raw(function, payload)
        assert answer["statusCode"] == 200, answer
        return dict(json.loads(answer["body"]))

    def invoke_raw(self, function: str, payload: Any) -> dict[str, Any]:
        """Invoke and return whatever the function answered."""
        name = self.outputs["function_names"][function]
        answer = self._lambda.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
        text = answer["Payload"].read()
        assert "FunctionError" not in answer, text
        return dict(json.loads(text))

    def invoke_async(self, function: str, payload: Any) -> None:
        """Invoke without waiting for an answer."""
        name = self.outputs["function_names"][function]
        self._lambda.invoke(FunctionName=name, Payload=json.dumps(payload).encode(), InvocationType="Event")

    def send(self, queue: str, body: Any) -> None:
        """Put a body on a queue of the stack."""
        self._sqs.send_message(QueueUrl=self.outputs["queue_urls"][queue], MessageBody=json.dumps(body))

    def table(self, name: str) -> Any:
        """A table of the stack."""
        return self._dynamodb.Table(self.outputs["table_names"][name])

    def memberships(self, connection_id: str) -> list[dict[str, Any]]:
        """Every membership of a connection, found the slow way, so that none can hide."""
        table, found, start = self.table("subscriptions"), [], {}
        while True:
            page = table.scan(ConsistentRead=True, **start)
            found += [item for item in page["Items"] if item["sk"] == connection_id]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    async def dead_letter(self, queue: str, containing: str) -> dict[str, Any]:
        """Wait for a dead letter whose body contains a text, and take it."""
        url, deadline = self.outputs["queue_urls"][queue], time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            answer = await asyncio.to_thread(
                self._sqs.receive_message,
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                VisibilityTimeout=1,
            )
            for letter in answer.get("Messages", []):
                if containing in letter["Body"]:
                    self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
                    return dict(letter)
            await asyncio.sleep(0.2)
        raise AssertionError(f"no dead letter containing {containing!r} in {queue} within {WAIT_SECONDS} s")

    def vanish(self, connection_id: str) -> None:
        """Cut a connection without a close frame, and lose its `$disconnect`: a phone out of coverage."""
        self.control(f"connections/{connection_id}/drop", {"lose_disconnect": True})

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Ask the local gateway's control API for something."""
        request = urllib.request.Request(
            f"{self.stack.endpoint}/_local_cloud/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")
