"""Publishers of events and notifications, each by one way, that try again until the service accepts."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Sequence

    from tests.e2e.service import Service

WAYS = ("invoke", "async invoke", "queue")
ACCEPTED_ASYNC = 202
INVOKE_SECONDS = 40
"""Longer than the function may run."""
CONCURRENT_CALLS = 24


class Accepted(NamedTuple):
    """An event that the service has accepted."""

    event_id: str
    topic: str
    way: str
    at: float
    """The monotonic time of the acceptance."""


class Publishers:
    """Publishes by every way; `accepted` are the events that must arrive."""

    def __init__(self, service: Service, dice: random.Random, counts: Counter[str]) -> None:
        self.accepted: list[Accepted] = []
        self._dice, self._counts = dice, counts
        self._pool = ThreadPoolExecutor(CONCURRENT_CALLS, thread_name_prefix="publish")
        config = Config(
            max_pool_connections=CONCURRENT_CALLS,
            read_timeout=INVOKE_SECONDS,
            retries={"total_max_attempts": 1, "mode": "standard"},  # each attempt is counted here
        )
        self._lambda, self._sqs = service.stack.client("lambda", config), service.stack.client("sqs", config)
        self._broadcast = service.outputs["function_arns"]["broadcast"]
        self._queue_url = service.outputs["queue_urls"]["events"]

    async def publish(self, topic: str, way: str) -> None:
        """Publish one event, the same again until it is accepted."""
        event_id = str(uuid.uuid4())
        event = {"messageType": "dealUpdate", "topic": topic, "data": {"price": 100}, "eventId": event_id}
        await self._until_accepted(event, way)
        self.accepted.append(Accepted(event_id, topic, way, time.monotonic()))

    async def notify(self, recipients: Sequence[str]) -> str:
        """Publish one notification, the same again until it is accepted; return its text, in it alone."""
        event_id = str(uuid.uuid4())
        event = {
            "messageType": "notification",
            "recipients": list(recipients),
            "data": {"title": "chaos", "message": event_id},
            "eventId": event_id,
        }
        await self._until_accepted(event, "invoke")
        return event_id

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    async def _until_accepted(self, event: dict[str, Any], way: str) -> None:
        loop, body = asyncio.get_running_loop(), json.dumps(event)
        while not await loop.run_in_executor(self._pool, self._try, body, way):
            self._counts[f"published again by {way}"] += 1
            await asyncio.sleep(self._dice.uniform(0.2, 1.5))

    def _try(self, body: str, way: str) -> bool:
        """Return whether the service has accepted the event."""
        try:
            if way == "queue":
                self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
                return True
            kind = "RequestResponse" if way == "invoke" else "Event"
            response = self._lambda.invoke(
                FunctionName=self._broadcast, InvocationType=kind, Payload=body.encode()
            )
            if way != "invoke":
                return bool(response["StatusCode"] == ACCEPTED_ASYNC)
            answer = json.loads(response["Payload"].read())
        except (BotoCoreError, ClientError):
            return False
        if "FunctionError" in response:
            return False
        assert answer["statusCode"] == 200, answer
        return True
