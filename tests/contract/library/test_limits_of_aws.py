"""The adapters are tested under AWS's limits (local_cloud/limits), whatever the emulator takes."""

import pytest

from realtime_core.aws.errors import Refused

KB = 1024
KEY = {"user_id": {"S": "ann"}, "sk": {"S": "1"}}


def put(number, **more):
    item = {"user_id": {"S": "ann"}, "sk": {"S": str(number)}} | more
    return {"Put": {"TableName": "messages", "Item": item}}


def put_item(**more):
    return {"TableName": "messages", "Item": KEY | more}


def update(expression):
    return {"TableName": "messages", "Key": KEY, "UpdateExpression": expression}


def write_batch(count):
    items = [put(number)["Put"]["Item"] for number in range(count)]
    return {"RequestItems": {"messages": [{"PutRequest": {"Item": item}} for item in items]}}


TOO_MUCH = {
    "expression of more than 4 KB": ("update_item", update("REMOVE a".ljust(4 * KB + 1))),
    "item of more than 400 KB": ("put_item", put_item(a={"S": "x" * 400 * KB})),
    "partition key of more than 2,048 bytes": ("put_item", put_item(user_id={"S": "x" * 2049})),
    "sort key of more than 1,024 bytes": ("put_item", put_item(sk={"S": "x" * 1025})),
    "number of 39 digits": ("put_item", put_item(n={"N": "9" * 39})),
    "transaction of 101 items": ("transact_write_items", {"TransactItems": [put(n) for n in range(101)]}),
    "transaction of more than 4 MB": (
        "transact_write_items",
        {"TransactItems": [put(n, a={"S": "x" * 399 * KB}) for n in range(11)]},
    ),
    "item twice in a transaction": ("transact_write_items", {"TransactItems": [put(1), put(1)]}),
    "batch of 26 writes": ("batch_write_item", write_batch(26)),
    "item twice in a batch of reads": (
        "batch_get_item",
        {"RequestItems": {"messages": {"Keys": [KEY, KEY]}}},
    ),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_what_aws_refuses_is_refused(dynamodb, case):
    operation, parameters = TOO_MUCH[case]
    with pytest.raises(Refused) as refused:
        getattr(dynamodb, operation)(**parameters)
    assert refused.value.code == "ValidationException"


def test_write_beside_a_transaction_of_its_item_conflicts(dynamodb):
    transaction = {"TransactItems": [put(1), put(2)]}
    dynamodb.check.limits.dynamodb_transaction_conflicts = True

    with dynamodb.check.admitting("TransactWriteItems", transaction):
        with pytest.raises(Refused) as single:
            dynamodb.put_item(**put_item())
        with pytest.raises(Refused) as another:
            dynamodb.transact_write_items(TransactItems=[put(3), put(2)])

    assert single.value.code == "TransactionConflictException"
    assert another.value.code == "TransactionCanceledException"
    codes = [reason["Code"] for reason in another.value.body["CancellationReasons"]]
    assert codes == ["None", "TransactionConflict"]
    dynamodb.transact_write_items(**transaction)
