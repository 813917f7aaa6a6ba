"""docs/drills.md, played: the page's own commands, while people are connected."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import InvalidStatus

from deals_ops.token_issuer import issue_token
from local_cloud.client import Person
from tests.e2e.drills import Drill

LETTERS = int(os.environ.get("DRILL_LETTERS", "1000"))
"""`make drills`, which CI runs, has ten thousand."""
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        "LOCALSTACK_ENDPOINT" in os.environ,
        reason="drills take tables and secrets away from tests beside them: unset LOCALSTACK_ENDPOINT",
    ),
]


@pytest.fixture
def drill(stack, tmp_path):
    """Begins a drill of the page."""
    return lambda heading: Drill(stack, tmp_path, heading)


@pytest.fixture
def took():
    """Notes how long something took, for the page's figures."""
    began = time.monotonic()

    def note(what):
        print(f"{what}: {time.monotonic() - began:.1f} s")  # noqa: T201 - shown by `pytest -rP`

    return note


async def titles_in_inbox(person):
    return [message["content"] for message in (await person.ask("getMessages"))["data"]["messages"]]


async def connect_with(stack, token):
    """Connect and leave; return the status of a refusal, or 101. As clients do, try again after a 500."""
    status, headers = 500, {"Authorization": f"Bearer {token}"}
    for _ in range(5):
        try:
            person = await Person.connect(stack.websocket_url, additional_headers=headers)
        except InvalidStatus as refused:
            if (status := refused.response.status_code) != 500:
                break
            await asyncio.sleep(0.5)
        else:
            await person.leave()
            return 101
    return status


def delete_entries(stack, user):
    """What a bad script does."""
    table = stack.table("messages")
    for item in table.scan(ConsistentRead=True)["Items"]:
        if item["user_id"] == user and item["sk"].startswith("m#"):
            table.delete_item(Key={"user_id": item["user_id"], "sk": item["sk"]})


async def test_lost_messages_come_back_from_a_backup_while_people_are_connected(
    drill, stack, connects, user, took
):
    restoring = drill("Restore a table")
    sender, reader = await connects(f"{user}-s"), await connects(user)

    async def send(text):
        return (await sender.ask("sendMessage", {"recipientId": user, "content": text}))["data"]["messageId"]

    await send("first")
    second = await send("second")
    await restoring.play(0)
    await reader.ask("notificationAck", {"messageId": second, "type": "read"})
    delete_entries(stack, user)
    await send("since")
    assert await titles_in_inbox(reader) == ["since"]

    printed = await restoring.play(1)
    took("restored")
    assert "copied" in printed
    assert await titles_in_inbox(reader) == ["first", "second", "since"]
    # The entry came back as it was at the time of the backup: unread.
    assert (await reader.ask("getStatus"))["data"]["unread"] == 3
    assert (await reader.ask("ping"))["type"] == "pong"


async def test_table_that_is_gone_is_made_again_and_filled(drill, stack, connects, user, took):
    restoring = drill("Restore a table")
    sender = await connects(f"{user}-s")
    await sender.ask("sendMessage", {"recipientId": user, "content": "kept"})
    await restoring.play(0)

    client, name = stack.stack.client("dynamodb"), stack.outputs["table_names"]["messages"]
    await asyncio.to_thread(client.delete_table, TableName=name)
    refused = await sender.ask("sendMessage", {"recipientId": user, "content": "too early"})
    assert refused["data"]["code"] == "MESSAGE_ERROR"

    await asyncio.to_thread(stack.stack.terraform.apply, lambda _line: None)
    await restoring.play(1)
    took("made again and filled")
    reader = await connects(user)
    assert await titles_in_inbox(reader) == ["kept"]
    assert (await reader.ask("getStatus"))["data"]["unread"] == 1
    assert (await sender.ask("sendMessage", {"recipientId": user, "content": "later"}))["type"] != "error"


async def test_revocation_that_was_lost_is_in_force_again(drill, stack, operator, user):
    restoring = drill("Restore a table")
    await operator.expect("revoke", user, "--yes")
    token = stack.token(user)
    # The emulator's recovery to a point in time knows the present alone: the loss comes after it.
    await restoring.play(2, BEFORE="2026-11-24T22:00:00Z")
    stack.table("revocations").delete_item(Key={"subject": f"u#{user}"})
    assert await connect_with(stack, token) == 101
    await restoring.play(3)
    assert await connect_with(stack, token) == 401


def send_letters(stack, topic, count):
    """Put events into the dead-letter queue, as SQS does after their last attempt."""
    client, url = stack.stack.client("sqs"), stack.outputs["queue_urls"]["events_dlq"]
    for start in range(0, count, 10):
        client.send_message_batch(
            QueueUrl=url,
            Entries=[
                {
                    "Id": str(number),
                    "MessageBody": json.dumps(
                        {
                            "messageType": "dealUpdate",
                            "topic": topic,
                            "eventId": f"{topic}-{number}",
                            "data": {"number": number},
                        }
                    ),
                }
                for number in range(start, min(start + 10, count))
            ],
        )


async def test_thousands_of_dead_letters_are_redriven_each_event_once(drill, stack, connects, topic, took):
    redriving = drill("Redrive many dead letters")
    person = await connects(f"reader-of-{topic}")
    await person.subscribe(topic)
    # What other tests have left there.
    queue = {"QueueUrl": stack.outputs["queue_urls"]["events_dlq"]}
    await asyncio.to_thread(stack.stack.client("sqs").purge_queue, **queue)
    await asyncio.to_thread(send_letters, stack, topic, LETTERS)
    took("put")

    await redriving.play(0)
    await redriving.play(1)
    took("redriven")
    deadline = time.monotonic() + 600
    while len(heard := {frame["eventId"] for frame in person.all_heard("dealUpdate")}) < LETTERS:
        assert time.monotonic() < deadline, f"{len(heard)} of {LETTERS}"
        await person.ask("ping")
        await asyncio.sleep(1)
    took("heard")
    await stack.emptied("events")
    assert heard == {f"{topic}-{number}" for number in range(LETTERS)}
    positions = [frame["position"] for frame in person.all_heard("dealUpdate")]
    assert len(set(positions)) == LETTERS
    assert "redriven: 0" in await redriving.play(1)
    await person.ask("ping")
    assert len({frame["position"] for frame in person.all_heard("dealUpdate")}) == LETTERS


async def test_secret_rotates_and_no_valid_token_is_refused(drill, stack, connects, user, took):
    rotating, arn = drill("Rotate the signing secret"), stack.outputs["jwt_secret_arn"]
    secrets = stack.stack.client("secretsmanager")
    first = secrets.get_secret_value(SecretId=arn)["VersionId"]
    person = await connects(user)

    def read_again():
        """New processes instead of the five minutes that those that run keep what they have read."""
        for function in ("authorizer", "message_router"):
            stack.kill(function)

    def put_first_again():
        """Under the id that Terraform gave it, which is free again: a plan after this finds no change."""
        secrets.put_secret_value(SecretId=arn, SecretString=stack.stack.jwt_secret, ClientRequestToken=first)

    async with AsyncExitStack() as afterwards:
        afterwards.callback(read_again)
        afterwards.callback(put_first_again)
        await rotating.play(0, ARN=arn)
        read_again()
        old = stack.token(user)
        new = issue_token(user, rotating.variable("NEW"), time.time())
        assert [await connect_with(stack, token) for token in (old, new)] == [101, 101]
        await rotating.play(1)
        read_again()
        assert [await connect_with(stack, token) for token in (old, new)] == [401, 101]
        assert (await person.ask("ping"))["type"] == "pong"
        took("rotated")
    assert await connect_with(stack, stack.token(user)) == 101


async def test_function_goes_back_while_people_are_connected(drill, stack, connects, user, took):
    rolling, client = drill("Roll back one function"), stack.stack.client("lambda")
    name = stack.outputs["function_names"]["message_router"]
    person = await connects(user)
    before = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]

    client.update_function_configuration(FunctionName=name, Description="a release that fails")
    newer = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=newer)
    assert newer != before
    assert (await person.ask("ping"))["type"] == "pong"

    listed = await rolling.play(0)
    assert {before, newer} <= {line.partition("\t")[0] for line in listed.splitlines()}
    assert listed.splitlines()[-1] == newer
    status = json.loads((await rolling.play(1, VERSION=before)).split("}\n", 1)[1])
    took("rolled back")
    versions = {function["function"]: function["version"] for function in status["functions"]}
    assert versions["message_router"] == before
    assert (await person.ask("ping"))["type"] == "pong"
