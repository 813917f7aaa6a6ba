"""DynamoDB's rules that depend on other calls: conflicts, hot partitions, and indexes that lag."""

from __future__ import annotations

import asyncio
import time
import uuid

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local_only("AWS has no clock to stop, and its limits are not ours to change")
KB = 1024


@pytest.fixture(scope="module")
def dynamodb(target):
    return target.session.client(
        "dynamodb", endpoint_url=target.endpoint, config=Config(retries={"total_max_attempts": 1})
    )


@pytest.fixture(scope="module")
def table(dynamodb):
    name = f"rules-{uuid.uuid4().hex}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "user", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_user",
                "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def key():
    """An item of the test's own."""
    return {"pk": {"S": uuid.uuid4().hex}}


@pytest.fixture
def limits(cloud):
    """Set limits; they are as before after the test."""
    before = cloud.control("GET", "limits")
    yield lambda **values: cloud.control("POST", "limits", **values)
    cloud.control("POST", "limits", **before)


@pytest.fixture
async def slow_call(cloud):
    """Make a call that is under way until it is awaited."""

    def wait_until_under_way():
        while not cloud.control("GET", "faults")[-1]["hits"]:
            time.sleep(0.01)

    async def start(operation, call, **parameters):
        cloud.control("POST", "faults", service="dynamodb", operation=operation, delay_ms=1000, times=1)
        task = asyncio.create_task(asyncio.to_thread(call, **parameters))
        await asyncio.to_thread(wait_until_under_way)
        return task

    yield start
    cloud.control("DELETE", "faults")


def refusal_of(call, **arguments):
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    return failed.value.response


def put(table, key):
    return {"Put": {"TableName": table, "Item": key}}


async def test_write_beside_a_transaction_of_its_item_conflicts_until_that_has_ended(
    dynamodb, table, key, slow_call
):
    transaction = await slow_call(
        "TransactWriteItems", dynamodb.transact_write_items, TransactItems=[put(table, key)]
    )

    refusal = refusal_of(dynamodb.put_item, TableName=table, Item=key)
    assert refusal["Error"] == {
        "Code": "TransactionConflictException",
        "Message": "Transaction is ongoing for the item",
    }
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)

    await transaction
    dynamodb.put_item(TableName=table, Item=key)


@pytest.mark.parametrize("operation", ["transact_write_items", "transact_get_items"])
async def test_transaction_beside_another_of_its_item_is_cancelled(
    dynamodb, table, key, slow_call, operation
):
    other = {"pk": {"S": key["pk"]["S"] + "-other"}}
    transaction = await slow_call(
        "TransactWriteItems", dynamodb.transact_write_items, TransactItems=[put(table, key)]
    )
    items = [put(table, one) for one in (other, key)]
    if operation == "transact_get_items":
        items = [{"Get": {"TableName": table, "Key": one}} for one in (other, key)]

    refusal = refusal_of(getattr(dynamodb, operation), TransactItems=items)

    assert refusal["Error"]["Code"] == "TransactionCanceledException"
    assert "specific reasons [None, TransactionConflict]" in refusal["Error"]["Message"]
    assert refusal["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
    ]
    await transaction


async def test_transactional_read_beside_a_write_of_its_item_is_cancelled(dynamodb, table, key, slow_call):
    write = await slow_call("PutItem", dynamodb.put_item, TableName=table, Item=key)

    refusal = refusal_of(
        dynamodb.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": key}}]
    )

    assert refusal["Error"]["Code"] == "TransactionCanceledException"
    await write


async def test_conflicts_can_be_switched_off(dynamodb, table, key, slow_call, limits):
    limits(dynamodb_transaction_conflicts=False)
    transaction = await slow_call(
        "TransactWriteItems", dynamodb.transact_write_items, TransactItems=[put(table, key)]
    )
    dynamodb.put_item(TableName=table, Item=key)
    await transaction


async def test_item_of_many_kb_is_throttled_after_few_updates(dynamodb, table, key, limits):
    dynamodb.put_item(TableName=table, Item=key | {"a": {"S": "x" * 300 * KB}})
    limits(dynamodb_partition_write_units=100)
    update = {"TableName": table, "Key": key, "UpdateExpression": "SET b = :b"}
    update["ExpressionAttributeValues"] = {":b": {"S": "x"}}

    dynamodb.update_item(**update)  # owes two seconds' units
    refusal = refusal_of(dynamodb.update_item, **update)
    cancelled = refusal_of(dynamodb.transact_write_items, TransactItems=[{"Update": update}])

    assert refusal["Error"]["Code"] == "ThrottlingException"
    assert refusal["throttlingReasons"][0]["reason"] == "TableWriteKeyRangeThroughputExceeded"
    assert cancelled["CancellationReasons"][0]["Code"] == "ThrottlingError"
    dynamodb.put_item(TableName=table, Item={"pk": {"S": key["pk"]["S"] + "-other"}})


def ask_for(attribute, key):
    return {
        "KeyConditionExpression": "#a = :a",
        "ExpressionAttributeNames": {"#a": attribute},
        "ExpressionAttributeValues": {":a": key["pk"]},
    }


READS = {
    "item": ("get_item", lambda key: {"Key": key, "ConsistentRead": True}),
    "query": ("query", lambda key: ask_for("pk", key) | {"ConsistentRead": True}),
    "index": ("query", lambda key: ask_for("user", key) | {"IndexName": "by_user"}),
    "batch": ("batch_get_item", lambda key: {"Keys": [key], "ConsistentRead": True}),
}


@pytest.mark.parametrize("kind", READS)
async def test_partition_that_was_read_too_much_is_throttled(dynamodb, table, key, limits, kind):
    dynamodb.put_item(TableName=table, Item=key | {"user": key["pk"], "a": {"S": "x" * 300 * KB}})
    limits(dynamodb_partition_read_units=10)
    operation, build = READS[kind]
    parameters = {"TableName": table, **build(key)}
    if kind == "batch":
        parameters = {"RequestItems": {parameters.pop("TableName"): parameters}}

    getattr(dynamodb, operation)(**parameters)  # owes several seconds' units
    refusal = refusal_of(getattr(dynamodb, operation), **parameters)

    assert refusal["Error"]["Code"] == "ThrottlingException"
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "another"}})


async def test_index_shows_items_as_they_were_before_its_lag(dynamodb, table, key, limits):
    user = key["pk"]

    def query():
        page = dynamodb.query(
            TableName=table, IndexName="by_user", KeyConditionExpression="#u = :u",
            ExpressionAttributeNames={"#u": "user"}, ExpressionAttributeValues={":u": user},
        )  # fmt: skip
        assert page["Count"] == len(page["Items"])
        return page["Items"]

    old, new = (key | {"user": user, "a": {"B": data}} for data in (b"old", b"new"))
    dynamodb.put_item(TableName=table, Item=old)
    limits(dynamodb_index_lag_ms=60_000)
    dynamodb.transact_write_items(TransactItems=[put(table, new)])
    dynamodb.put_item(TableName=table, Item=new | {"pk": {"S": f"{user}-other"}})

    assert query() == [old]
    assert dynamodb.get_item(TableName=table, Key=key)["Item"] == new
    limits(dynamodb_index_lag_ms=0)
    assert len(query()) == 2
    assert new in query()
