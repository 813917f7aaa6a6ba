"""What AWS refuses for its size or signature is refused here too, with AWS's own error.

The rules are in local_cloud/limits, with unit tests at each boundary; here they act on clients' real calls.
"""

from __future__ import annotations

import io
import json
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

from local_cloud import CloudFailed, LocalCloud
from tests.contract.gateway.probe import STAGE, build_zip

KB, MB = 1024, 1024 * 1024


def error_of(call, **arguments):
    """Return status, code and message of a call that must fail."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    response = failed.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return status, response["Error"]["Code"], response["Error"]["Message"]


@pytest.fixture(scope="module")
def table(target):
    dynamodb, name = target.client("dynamodb"), f"refusals-{uuid.uuid4().hex}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    yield name
    dynamodb.delete_table(TableName=name)


def item(pk="p", sk="s", **attributes):
    return {"pk": {"S": pk}, "sk": {"S": sk}} | attributes


TOO_LARGE = {"S": "x" * 400 * KB}
CASES = {
    "expression": (
        "update_item",
        lambda table: {"TableName": table, "Key": item(), "UpdateExpression": "REMOVE a".ljust(4097)},
        "Invalid UpdateExpression: Expression size has exceeded the maximum allowed size",
    ),
    "item": (
        "put_item",
        lambda table: {"TableName": table, "Item": item(a=TOO_LARGE)},
        "Item size has exceeded the maximum allowed size",
    ),
    "partition key": (
        "put_item",
        lambda table: {"TableName": table, "Item": item("x" * 2049)},
        "Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    "sort key": (
        "get_item",
        lambda table: {"TableName": table, "Key": item("p", "x" * 1025)},
        "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    ),
    "number": (
        "put_item",
        lambda table: {"TableName": table, "Item": item(n={"N": "9" * 39})},
        "Attempting to store more than 38 significant digits in a Number",
    ),
    "transaction": (
        "transact_write_items",
        lambda table: {
            "TransactItems": [{"Put": {"TableName": table, "Item": item(str(n))}} for n in range(101)]
        },
        "Member must have length less than or equal to 100",
    ),
    "item twice in a transaction": (
        "transact_write_items",
        lambda table: {
            "TransactItems": [
                {"Put": {"TableName": table, "Item": item()}},
                {"Delete": {"TableName": table, "Key": item()}},
            ]
        },
        "Transaction request cannot include multiple operations on one item",
    ),
    "batch write": (
        "batch_write_item",
        lambda table: {"RequestItems": {table: [{"PutRequest": {"Item": item(str(n))}} for n in range(26)]}},
        "Too many items requested for the BatchWriteItem call",
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_dynamodb_refuses_what_is_too_large(target, table, case):
    operation, build, message = CASES[case]

    status, code, text = error_of(getattr(target.client("dynamodb"), operation), **build(table))

    assert (status, code) == (400, "ValidationException")
    assert message in text


async def test_dynamodb_takes_what_is_just_small_enough(target, table):
    dynamodb = target.client("dynamodb")
    room = 400 * KB - len("pk" + "p" + "sk" + "s" + "a")

    dynamodb.put_item(TableName=table, Item=item(a={"S": "x" * room}))
    dynamodb.put_item(TableName=table, Item=item("x" * 2048, "y" * 1024, n={"N": "9" * 38}))
    dynamodb.update_item(TableName=table, Key=item("e"), UpdateExpression="REMOVE a".ljust(4096))
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": item("t", str(n))}} for n in range(100)]
    )


async def test_update_that_makes_an_item_too_large_is_refused(target, table):
    dynamodb = target.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=item("u", a={"S": "x" * 300 * KB}))

    answer = error_of(
        dynamodb.update_item, TableName=table, Key=item("u"), UpdateExpression="SET b = :b",
        ExpressionAttributeValues={":b": {"S": "x" * 100 * KB}},
    )  # fmt: skip

    assert answer == (400, "ValidationException", "Item size to update has exceeded the maximum allowed size")


async def test_page_of_a_query_has_at_most_1_mb(target, table):
    dynamodb = target.client("dynamodb")
    for n in range(4):
        dynamodb.put_item(TableName=table, Item=item("page", str(n), a={"S": "x" * 300 * KB}))

    page = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "page"}}
    )

    assert page["Count"] == 3
    assert page["LastEvaluatedKey"] == item("page", "2")


@pytest.fixture
def queue(target):
    sqs = target.client("sqs")
    # A queue made by Terraform has at most this, the largest that its provider takes.
    url = sqs.create_queue(
        QueueName=f"refusals-{uuid.uuid4().hex}", Attributes={"MaximumMessageSize": str(256 * KB)}
    )["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


async def test_sqs_refuses_a_message_of_more_than_256_kb(target, queue):
    sqs = target.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x" * 256 * KB)

    status, code, message = error_of(sqs.send_message, QueueUrl=queue, MessageBody="x" * (256 * KB + 1))

    assert (status, code) == (400, "InvalidParameterValue")
    assert "Message must be shorter than 262144 bytes" in message


@pytest.mark.local_only("AWS takes 1 MiB together, but Terraform's provider only queues of 256 KB")
async def test_sqs_refuses_a_batch_of_more_than_256_kb_together(target, queue):
    entries = [{"Id": str(n), "MessageBody": "x" * (128 * KB + n)} for n in range(2)]

    answer = error_of(target.client("sqs").send_message_batch, QueueUrl=queue, Entries=entries)

    assert answer[:2] == (400, "AWS.SimpleQueueService.BatchRequestTooLong")
    assert answer[2] == "Batch requests cannot be longer than 262144 bytes. You have sent 262145 bytes."


def padded(size):
    """Return an event of exactly `size` bytes that the probe takes as its own."""
    head = '{"requestContext": {"eventType": "NONE"}, "queryStringParameters": {"say": "ok"}, "pad": "'
    return (head + "x" * (size - len(head) - 2) + '"}').encode()


@pytest.mark.parametrize(
    ("kind", "limit", "text"),
    [
        ("Event", 1 * MB, "too large for the Event invocation type"),
        ("RequestResponse", 6 * MB, "smaller than"),
    ],
)
async def test_lambda_refuses_a_payload_that_is_too_large(deployer, target, kind, limit, text):
    invoke = target.client("lambda").invoke
    named = {"FunctionName": deployer.function, "InvocationType": kind}
    assert invoke(**named, Payload=padded(limit))["StatusCode"] in {200, 202}

    status, code, message = error_of(invoke, **named, Payload=padded(limit + 1))

    assert (status, code) == (413, "RequestEntityTooLargeException")
    assert text in message


@pytest.fixture(scope="module")
def talker(deployer, target):
    """A function that returns as many bytes as its event says."""
    function, name = target.client("lambda"), f"refusals-{uuid.uuid4().hex}"
    role = function.get_function_configuration(FunctionName=deployer.function)["Role"]
    function.create_function(
        FunctionName=name, Runtime="python3.13", Handler="index.handler", Role=role, Timeout=30,
        Code={"ZipFile": build_zip("def handler(event, context):\n    return 'x' * (event - 2)\n")},
    )  # fmt: skip
    function.get_waiter("function_active_v2").wait(FunctionName=name)
    yield name
    function.delete_function(FunctionName=name)


async def test_function_that_returns_more_than_6_mb_fails(target, talker):
    function = target.client("lambda")
    taken = function.invoke(FunctionName=talker, Payload=b"6291556")
    assert "FunctionError" not in taken
    assert len(taken["Payload"].read()) == 6_291_556

    failed = function.invoke(FunctionName=talker, Payload=b"6291557")

    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled")
    assert json.load(failed["Payload"])["errorType"] == "Function.ResponseSizeTooLarge"


async def test_url_of_more_than_4096_characters_is_refused(api, dial, cloud, target):
    host = f"wss://{api.api_id}.execute-api.{target.session.region_name}.amazonaws.com/{STAGE}?pad="
    await dial(f"{api.url}?pad={'x' * (4096 - len(host))}")

    with pytest.raises(InvalidStatus) as refused:
        await dial(f"{api.url}?pad={'x' * (4097 - len(host))}")

    assert refused.value.response.status_code == 414


@pytest.mark.local_only("the role belongs to the whole account")
async def test_access_log_is_refused_without_the_accounts_role(api, target, logging_role):
    gateway, rest = target.client("apigatewayv2"), target.client("apigateway")
    settings = {
        "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:g",
        "Format": "$context.requestId",
    }
    rest.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])
    try:
        answer = error_of(gateway.update_stage, ApiId=api.api_id, StageName=STAGE, AccessLogSettings=settings)
    finally:
        rest.update_account(
            patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": logging_role}]
        )

    message = "CloudWatch Logs role ARN must be set in account settings to enable logging"
    assert answer == (400, "BadRequestException", message)


async def test_alarm_that_a_composite_alarm_names_cannot_be_deleted(target):
    cloudwatch, name = target.client("cloudwatch"), f"refusals-{uuid.uuid4().hex}"
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="N", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloudwatch.put_composite_alarm(AlarmName=f"{name}-all", AlarmRule=f'ALARM("{name}")')
    try:
        status, code, message = error_of(cloudwatch.delete_alarms, AlarmNames=[name])
    finally:
        cloudwatch.delete_alarms(AlarmNames=[f"{name}-all"])
        cloudwatch.delete_alarms(AlarmNames=[name])

    assert (status, code) == (400, "ValidationError")
    assert message == f"Cannot delete {name} as there are composite alarm(s) depending on it."


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "sns", "lambda", "cloudwatch", "apigatewayv2"])
@pytest.mark.parametrize(
    ("secret", "region", "text"),
    [
        ("test", "eu-central-1", "Credential should be scoped to a valid region"),
        ("not-the-secret", "us-east-1", "The request signature we calculated does not match"),
    ],
)
@pytest.mark.local_only("root has no key on AWS, and each Region an endpoint of its own")
async def test_signature_for_another_region_or_with_a_wrong_secret_is_refused(
    target, service, secret, region, text
):
    call = {
        "dynamodb": "list_tables",
        "sqs": "list_queues",
        "sns": "list_topics",
        "lambda": "list_functions",
        "cloudwatch": "describe_alarms",
        "apigatewayv2": "get_apis",
    }[service]
    client = boto3.Session("test", secret, region_name=region).client(
        service, endpoint_url=target.endpoint, config=Config(retries={"total_max_attempts": 1})
    )

    status, code, message = error_of(getattr(client, call))

    assert status == 403
    assert code in {"InvalidSignatureException", "SignatureDoesNotMatch"}
    assert text in message


@pytest.fixture
def limits(cloud):
    """Set limits; they are as before after the test."""
    before = cloud.control("GET", "limits")
    yield lambda **values: cloud.control("POST", "limits", **values)
    cloud.control("POST", "limits", **before)


@pytest.mark.local_only("AWS's limits are not ours to change")
async def test_limit_can_be_tightened_and_lifted(target, limits):
    sqs = target.client("sqs")
    url = sqs.create_queue(QueueName=f"loose-{uuid.uuid4().hex}")["QueueUrl"]

    assert limits(sqs_message_bytes=1000)["sqs_message_bytes"] == 1000
    assert error_of(sqs.send_message, QueueUrl=url, MessageBody="x" * 1001)[1] == "InvalidParameterValue"
    limits(sqs_message_bytes=None)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 300 * KB)

    sqs.delete_queue(QueueUrl=url)


@pytest.mark.local_only("AWS's limits are not ours to change")
async def test_wrong_limit_is_refused_by_its_name(limits):
    with pytest.raises(Exception, match=r"^dynamodb_itm_bytes: unknown"):
        limits(dynamodb_itm_bytes=1)


@pytest.mark.local_only("AWS's limits are not ours to change")
def test_cloud_starts_with_limits_of_its_own(tmp_path):
    with LocalCloud.start(state_dir=tmp_path, limits={"sqs_message_bytes": None}) as cloud:
        assert cloud.control("GET", "limits")["sqs_message_bytes"] is None
    with pytest.raises(CloudFailed, match=r"limits: sqs_message_byte: unknown"):
        LocalCloud.start(state_dir=tmp_path, limits={"sqs_message_byte": 1})


async def test_large_upload_signed_by_root_passes(target):
    s3, bucket = target.client("s3"), f"refusals-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    s3.upload_fileobj(io.BytesIO(b"x" * 9 * MB), bucket, "large")
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == 9 * MB
    s3.delete_object(Bucket=bucket, Key="large")
    s3.delete_bucket(Bucket=bucket)
