"""Faults on request, which only a local cloud has; the errors are those that AWS's clients know."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

pytestmark = pytest.mark.local_only("AWS does not fail on request")


@pytest.fixture
def fault(cloud):
    """Put faults in force; all are cleared after the test."""
    yield lambda **given: cloud.control("POST", "faults", **given)
    cloud.control("DELETE", "faults")


@pytest.fixture
def table(target):
    dynamodb, name = target.client("dynamodb"), uuid.uuid4().hex
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


def error_code(call, **arguments):
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    return failed.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("service", "call", "error"),
    [
        ("dynamodb", "list_tables", "ProvisionedThroughputExceededException"),
        ("sqs", "list_queues", "OverLimit"),
        ("sns", "list_topics", "Throttled"),
        ("s3", "list_buckets", "SlowDown"),
        ("lambda", "list_functions", "TooManyRequestsException"),
    ],
)
async def test_fault_fails_a_call_in_the_services_own_form(target, fault, service, call, error):
    client = target.client(service)
    fault(service=service, status=400, error=error, times=1)

    assert error_code(getattr(client, call)) == error
    getattr(client, call)()


async def test_fault_hits_only_the_operation_it_names(target, fault, table):
    dynamodb = target.client("dynamodb")
    fault(service="dynamodb", operation="PutItem", status=500, error="InternalServerError")

    assert error_code(dynamodb.put_item, TableName=table, Item={"k": {"S": "1"}}) == "InternalServerError"
    assert dynamodb.get_item(TableName=table, Key={"k": {"S": "1"}}).get("Item") is None


async def test_fault_with_a_share_hits_about_that_share(target, fault, cloud):
    sqs = target.client("sqs")
    fault(service="sqs", status=500, share=0.5)
    failed = 0
    for _ in range(60):
        try:
            sqs.list_queues()
        except ClientError:
            failed += 1

    assert 12 < failed < 48
    assert cloud.control("GET", "faults")[0]["hits"] == failed


async def test_fault_ends_by_itself_after_its_seconds(target, fault, cloud):
    sqs = target.client("sqs")
    fault(service="sqs", status=500, seconds=1)

    assert error_code(sqs.list_queues) == "InternalFailure"
    await asyncio.sleep(1)
    sqs.list_queues()
    assert cloud.control("GET", "faults") == []


async def test_delay_alone_only_holds_the_call_up(target, fault):
    fault(service="sqs", delay_ms=300)
    started = time.monotonic()

    target.client("sqs").list_queues()

    assert 0.3 <= time.monotonic() - started < 2


async def test_delay_longer_than_the_clients_timeout_is_a_timeout(target, fault):
    fault(service="sqs", delay_ms=1_000)

    with pytest.raises(ReadTimeoutError):
        target.client("sqs", read_timeout=0.3).list_queues()


@pytest.mark.parametrize(("cut", "done"), [("before", False), ("after", True)])
async def test_connection_cut_leaves_the_caller_without_an_answer(target, fault, table, cut, done):
    dynamodb = target.client("dynamodb")
    fault(service="dynamodb", operation="PutItem", cut=cut, times=1)

    with pytest.raises(ConnectionClosedError):
        dynamodb.put_item(TableName=table, Item={"k": {"S": "1"}})

    assert ("Item" in dynamodb.get_item(TableName=table, Key={"k": {"S": "1"}})) is done


@pytest.fixture
def queue(target):
    sqs = target.client("sqs")
    url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def receive(sqs, queue, count, within=10):
    """Return the bodies of a queue's messages in the order in which they come."""
    bodies, deadline = [], time.monotonic() + within
    while len(bodies) < count and time.monotonic() < deadline:
        page = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in page.get("Messages", []):
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


async def test_message_that_is_sent_twice_is_in_the_queue_twice(target, fault, queue):
    sqs = target.client("sqs")
    fault(service="sqs", operation="SendMessage", twice=True, times=1)

    sqs.send_message(QueueUrl=queue, MessageBody="doubled")
    sqs.send_message(QueueUrl=queue, MessageBody="single")

    assert sorted(receive(sqs, queue, 3)) == ["doubled", "doubled", "single"]


async def test_messages_that_are_reordered_overtake_each_other_and_none_is_lost(target, fault, queue):
    sqs = target.client("sqs")
    fault(service="sqs", reorder_s=3)
    sent = [str(number) for number in range(20)]

    for first in range(0, 20, 10):
        entries = [{"Id": body, "MessageBody": body} for body in sent[first : first + 10]]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    came = receive(sqs, queue, 20)
    assert sorted(came, key=int) == sent
    assert came != sent


async def test_post_to_connection_fails_as_asked_and_works_after(api, dial, fault):
    client = await dial(api.url)
    connection_id = await client.connection_id()
    management = api.management()
    fault(
        service="execute-api",
        operation="PostToConnection",
        status=429,
        error="LimitExceededException",
        times=2,
    )

    for _ in range(2):
        with pytest.raises(management.exceptions.LimitExceededException):
            management.post_to_connection(ConnectionId=connection_id, Data=b"x")
    management.post_to_connection(ConnectionId=connection_id, Data=b"third")

    assert await client.socket.recv() == "third"


async def test_post_whose_answer_is_lost_was_delivered(api, dial, fault):
    client = await dial(api.url)
    connection_id = await client.connection_id()
    fault(service="execute-api", operation="PostToConnection", cut="after", times=1)

    with pytest.raises(ConnectionClosedError):
        api.management().post_to_connection(ConnectionId=connection_id, Data=b"delivered")

    assert await client.socket.recv() == "delivered"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"service": "sqs"}, "status"),
        ({"status": 200}, "status"),
        ({"status": 500, "share": 2}, "share"),
        ({"status": 500, "shar": 1}, "shar"),
        ({"cut": "during"}, "cut"),
        ({"delay_ms": -1}, "delay_ms"),
        ({"twice": "yes"}, "twice"),
        ({"reorder_s": 901}, "reorder_s"),
    ],
)
async def test_wrong_fault_is_refused_with_the_name_of_the_field(fault, given, named):
    with pytest.raises(Exception, match=f"^{named}"):
        fault(**given)


async def test_dropped_socket_ends_without_a_close_frame(api, dial, cloud):
    client = await dial(api.url)
    connection_id = await client.connection_id()

    cloud.control("POST", f"connections/{connection_id}/drop")

    await client.socket.wait_closed()
    assert client.socket.close_code == 1006
    assert (await api.await_event("DISCONNECT", connection_id))["requestContext"][
        "disconnectStatusCode"
    ] == 1006


async def test_disconnect_that_is_lost_never_runs(api, dial, cloud):
    """$disconnect is best effort: apigateway-websocket-api-route-keys-connect-disconnect.html."""
    lost, kept = await dial(api.url), await dial(api.url)
    lost_id, kept_id = await lost.connection_id(), await kept.connection_id()
    cloud.control("POST", "lose-disconnects", times=1)

    await lost.socket.close()
    await kept.socket.close()

    await api.await_event("DISCONNECT", kept_id)
    records = api.target.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{api.function}", filterPattern=f'"{lost_id}"'
    )["events"]
    assert {json.loads(r["message"])["requestContext"]["eventType"] for r in records} == {
        "CONNECT",
        "MESSAGE",
    }


async def test_control_lists_the_open_connections(guarded, dial, cloud):
    client = await dial(guarded.url + "?auth=Allow")
    connection_id = await client.connection_id()

    listed = {c["connection_id"]: c for c in cloud.control("GET", "connections")}

    assert listed[connection_id]["api_id"] == guarded.api_id
    assert listed[connection_id]["authorizer"]["userId"] == "u-1"
    await client.socket.close()
    await asyncio.sleep(0.2)
    assert connection_id not in {c["connection_id"] for c in cloud.control("GET", "connections")}
