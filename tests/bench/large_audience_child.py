"""Plans one event for a large audience, in a process of its own whose memory is measured.

The code of `broadcast` is the real one. DynamoDB and SQS answer after five milliseconds. An attempt has the
time of an invocation, by the processor time that a function of 512 MB would have taken for the same work;
the next one begins from what is noted, with nothing else kept.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from broadcast.fan_out import OutgoingEvent
from broadcast.group_index import GroupIndex
from broadcast.large_audiences import LargeAudiences
from broadcast.slices import PAUSE_SECONDS
from broadcast.subscribers import Subscribers
from realtime_core.history.base import Planning, PublishClaim
from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.push.sqs import SqsDeliveries
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions

CALL_SECONDS = 0.005
MEMBERS = 1_000
"""Of a shard; what groups are spread to."""
INVOCATION_SECONDS = 30.0
PROCESSOR_SHARE = 512 / 1769
"""Of a whole processor, which a function of 1,769 MB has: docs.aws.amazon.com/lambda/latest/dg/, page
configuration-memory."""
NOW = 1_795_382_480


class SlowDynamo:
    """DynamoDB's client, as far as planning calls it. Member n of a topic has the number `first` + n."""

    def __init__(self, first: dict[str, int]) -> None:
        self.first, self.plan = first, ""

    def query(self, *, ExpressionAttributeValues: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """A shard, which has one page, parsed as the client parses it."""
        time.sleep(CALL_SECONDS)
        _, topic, shard = ExpressionAttributeValues[":shard"]["S"].split("#")
        begin = self.first[topic] + int(shard) * MEMBERS
        items = ",".join([f'{{"sk":{{"S":"{number:015}="}}}}' for number in range(begin, begin + MEMBERS)])
        page: dict[str, Any] = json.loads(f'{{"Items":[{items}]}}')
        return page

    def update_item(self, *, ExpressionAttributeValues: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """A note of how far the planning has come, or the number of chunks."""
        time.sleep(CALL_SECONDS)
        self.plan = ExpressionAttributeValues.get(":plan", {"S": self.plan})["S"]
        return {"Attributes": {}}


class SlowSqs:
    """SQS's client, which writes the jobs to a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def send_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Queue jobs."""
        time.sleep(CALL_SECONDS)
        self._file.write(b"".join(entry["MessageBody"].encode() + b"\n" for entry in Entries))
        return {}


def clock() -> float:
    """The seconds that a function of 512 MB would have taken."""
    return time.process_time() / PROCESSOR_SHARE


def plan(audience: dict[str, tuple[int, int]], path: Path) -> dict[str, Any]:
    """Plan an event for so many members from a first number, by topic; returns the figures."""
    dynamo: Any = SlowDynamo({topic: first for topic, (first, _) in audience.items()})
    groups = {
        topic: [Group(topic, topic, "{}", members // MEMBERS)] for topic, (_, members) in audience.items()
    }
    attempts, planned = 0, None
    began = time.process_time()
    with path.open("wb") as file:
        while planned is None or not planned.is_whole:
            attempts += 1
            noted = Planning(*json.loads(dynamo.plan)) if dynamo.plan else None
            claim = PublishClaim("e1", NOW * 1000, NOW * 10**6, 1, planning=noted)
            subscriptions = DynamoSubscriptions(dynamo, "connections", "subscriptions")
            sqs: Any = SlowSqs(file)
            planner = LargeAudiences(
                Subscribers(subscriptions, GroupIndex(subscriptions)),
                SqsDeliveries(sqs, "deliveries"),
                DynamoAdmission(dynamo, "history", os.urandom),
                lambda: NOW,
                clock,
            )
            event = OutgoingEvent(claim, '{"type":"dealUpdate","data":{"price":9}}', "deal")
            planned = planner.plan(event, groups, clock() + INVOCATION_SECONDS - PAUSE_SECONDS)
    return {
        "attempts": attempts,
        "recipients": planned.recipients,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "processor": time.process_time() - began,
    }


if __name__ == "__main__":
    audiences = {topic: tuple(numbers) for topic, numbers in json.loads(sys.argv[1]).items()}
    json.dump(plan(audiences, Path(sys.argv[2])), sys.stdout)
