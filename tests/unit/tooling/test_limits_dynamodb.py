"""DynamoDB's limits: a request at the limit passes, and one above it is refused with AWS's error."""

from __future__ import annotations

import pytest

from local_cloud.limits.dynamodb import KeyNames, check_request, list_tables, read_key_names
from local_cloud.limits.item_sizes import count_digits, measure_item, measure_value
from local_cloud.limits.settings import Limits

KEYS = {"t": KeyNames("pk", "sk")}


def refused(operation, limits=None, **parameters):
    """Return the message of the refusal, or an empty string."""
    refusal = check_request(operation, parameters, KEYS.get, limits or Limits())
    assert refusal is None or (refusal.error, refusal.status) == ("ValidationException", 400)
    return refusal.message if refusal else ""


def item(pk="p", **attributes):
    return {"pk": {"S": pk}, "sk": {"S": "s"}} | attributes


def put(pk):
    return {"Put": {"TableName": "t", "Item": item(pk)}}


@pytest.mark.parametrize(
    "name",
    [
        "ConditionExpression",
        "FilterExpression",
        "KeyConditionExpression",
        "ProjectionExpression",
        "UpdateExpression",
    ],
)
def test_expression_above_4_kb_is_refused(name):
    assert not refused("UpdateItem", TableName="t", **{name: "x" * 4096})
    message = refused("UpdateItem", TableName="t", **{name: "x" * 4095 + "é"})
    assert message == (
        f"Invalid {name}: Expression size has exceeded the maximum allowed size; expression size: 4097"
    )


def test_expression_above_4_kb_in_a_transaction_is_refused():
    update = {"TableName": "t", "Key": item(), "UpdateExpression": "x" * 4097}
    assert "UpdateExpression" in refused("TransactWriteItems", TransactItems=[{"Update": update}])


@pytest.mark.parametrize("size", [400 * 1024, 400 * 1024 + 1])
@pytest.mark.parametrize("operation", ["PutItem", "BatchWriteItem", "TransactWriteItems"])
def test_item_above_400_kb_is_refused(operation, size):
    whole = item(a={"S": "x" * (size - measure_item(item()) - 1)})
    assert measure_item(whole) == size
    parameters = {
        "PutItem": {"TableName": "t", "Item": whole},
        "BatchWriteItem": {"RequestItems": {"t": [{"PutRequest": {"Item": whole}}]}},
        "TransactWriteItems": {"TransactItems": [{"Put": {"TableName": "t", "Item": whole}}]},
    }[operation]
    expected = "Item size has exceeded the maximum allowed size" if size > 400 * 1024 else ""
    assert refused(operation, **parameters) == expected


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("pk", 2048, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ("sk", 1024, "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"),
    ],
)
@pytest.mark.parametrize(
    ("operation", "field"), [("PutItem", "Item"), ("GetItem", "Key"), ("UpdateItem", "Key")]
)
def test_key_above_its_limit_is_refused(operation, field, name, limit, message):
    longest = item() | {name: {"S": "x" * limit}}
    assert not refused(operation, TableName="t", **{field: longest})
    too_long = item() | {name: {"S": "x" * (limit + 1)}}
    assert message in refused(operation, TableName="t", **{field: too_long})
    assert not refused(operation, TableName="unknown", **{field: too_long})


@pytest.mark.parametrize(
    "wrap", [lambda n: {"N": n}, lambda n: {"NS": ["1", n]}, lambda n: {"L": [{"M": {"a": {"N": n}}}]}]
)
def test_number_above_38_digits_is_refused(wrap):
    assert not refused("PutItem", TableName="t", Item=item(n=wrap("9" * 38)))
    message = "Attempting to store more than 38 significant digits in a Number"
    assert refused("PutItem", TableName="t", Item=item(n=wrap("-" + "9" * 39))) == message
    values = {":n": wrap("0." + "9" * 39)}
    assert refused("UpdateItem", TableName="t", Key=item(), ExpressionAttributeValues=values) == message


def test_transaction_above_100_items_is_refused():
    assert not refused("TransactWriteItems", TransactItems=[put(str(n)) for n in range(100)])
    message = refused("TransactWriteItems", TransactItems=[put(str(n)) for n in range(101)])
    assert "Member must have length less than or equal to 100" in message


def test_transaction_above_4_mb_is_refused():
    def items_of(total):
        whole, rest = divmod(total, 100 * 1024)
        sizes = [100 * 1024] * whole + [rest]
        return [
            {"Put": {"TableName": "t", "Item": item(f"{n:02}", a={"S": "x" * (size - overhead)})}}
            for n, size in enumerate(sizes)
        ]

    overhead = measure_item(item("00", a={"S": ""}))
    assert not refused("TransactWriteItems", TransactItems=items_of(4 * 1024 * 1024))
    message = refused("TransactWriteItems", TransactItems=items_of(4 * 1024 * 1024 + 1))
    assert message == "Transaction request exceeds the 4MB transaction size limit"


@pytest.mark.parametrize(
    "other",
    [
        put("a"),
        {"Update": {"TableName": "t", "Key": item("a"), "UpdateExpression": "SET x = y"}},
        {"Delete": {"TableName": "t", "Key": item("a")}},
        {"ConditionCheck": {"TableName": "t", "Key": dict(reversed(item("a").items()))}},
    ],
)
def test_transaction_with_an_item_twice_is_refused(other):
    message = "Transaction request cannot include multiple operations on one item"
    assert refused("TransactWriteItems", TransactItems=[put("a"), other]) == message
    assert not refused("TransactWriteItems", TransactItems=[put("b"), other])


def test_batch_write_above_25_items_or_with_a_duplicate_is_refused():
    def puts(*keys):
        return {"t": [{"PutRequest": {"Item": item(key)}} for key in keys]}

    assert not refused("BatchWriteItem", RequestItems=puts(*map(str, range(25))))
    message = refused("BatchWriteItem", RequestItems=puts(*map(str, range(26))))
    assert message == "Too many items requested for the BatchWriteItem call"
    assert (
        refused("BatchWriteItem", RequestItems=puts("a", "a"))
        == "Provided list of item keys contains duplicates"
    )


@pytest.mark.parametrize(("keys", "passes"), [(50, True), (51, False)])
def test_statement_takes_50_keys(keys, passes):
    statement = f'SELECT pk FROM "t" WHERE pk IN [{",".join("?" * keys)}] AND e > ?'
    parameters = [{"S": str(number)} for number in range(keys)]
    assert bool(refused("ExecuteStatement", Statement=statement, Parameters=parameters)) is not passes


def test_statement_of_over_8192_characters_is_refused():
    assert refused("ExecuteStatement", Statement='SELECT pk FROM "t" WHERE pk = ' + "'x" * 4090)
    assert not refused("ExecuteStatement", Statement='SELECT pk FROM "t" WHERE pk = ?')


def test_batch_get_above_100_keys_or_with_a_duplicate_is_refused():
    def gets(*keys):
        return {"t": {"Keys": [item(key) for key in keys]}}

    assert not refused("BatchGetItem", RequestItems=gets(*map(str, range(100))))
    message = refused("BatchGetItem", RequestItems=gets(*map(str, range(101))))
    assert message == "Too many items requested for the BatchGetItem call"
    assert (
        refused("BatchGetItem", RequestItems=gets("a", "a"))
        == "Provided list of item keys contains duplicates"
    )


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"B": "AAEC"}, 3),
        ({"B": b"\x00\x01\x02"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"N": "1234"}, 3),
        ({"N": "-1234"}, 4),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": [{"S": "ab"}]}, 6),
        ({"M": {"k": {"S": "ab"}}}, 7),
    ],
)
def test_size_of_a_value_follows_aws(value, size):
    assert measure_value(value) == size


@pytest.mark.parametrize(("text", "digits"), [("0", 0), ("100", 1), ("-1.50", 2), ("1e20", 1), ("no", 0)])
def test_count_digits_counts_significant_ones(text, digits):
    assert count_digits(text) == digits


def test_limits_can_be_changed_and_switched_off():
    limits = Limits()
    limits.change({"dynamodb_expression_bytes": None, "dynamodb_distinct_items": False})
    assert not refused("UpdateItem", limits, TableName="t", UpdateExpression="x" * 100_000)
    assert not refused("TransactWriteItems", limits, TransactItems=[put("a"), put("a")])
    limits.change({"dynamodb_batch_get_items": 1})
    assert refused("BatchGetItem", limits, RequestItems={"t": {"Keys": [item("a"), item("b")]}})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"dynamodb_item_byte": 1}, "dynamodb_item_byte: unknown"),
        ({"dynamodb_item_bytes": "1"}, "dynamodb_item_bytes: '1'"),
        ({"dynamodb_item_bytes": -1}, "dynamodb_item_bytes: -1"),
        ({"dynamodb_distinct_items": 1}, "dynamodb_distinct_items: 1"),
    ],
)
def test_invalid_limit_raises_with_its_name_and_changes_none(values, named):
    limits = Limits()
    with pytest.raises(ValueError, match=f"^{named}"):
        limits.change({"sqs_message_bytes": 1} | values)
    assert limits == Limits()


def test_list_tables_names_tables_whose_keys_are_needed():
    assert list_tables("TransactWriteItems", {"TransactItems": [put("a")]}) == {"t"}
    assert list_tables("BatchGetItem", {"RequestItems": {"u": {"Keys": [item()]}}}) == {"u"}
    assert list_tables("Query", {"TableName": "t"}) == set()
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert read_key_names({"Table": {"KeySchema": schema}}) == KeyNames("pk")
