"""Limits of SQS, Lambda, API Gateway and signatures: at the limit passes, above it is refused."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto import mock_aws

from local_cloud.limits import apigateway, functions, signatures, sqs
from local_cloud.limits.checked_clients import enforce, render_refusal
from local_cloud.limits.settings import Limits, Refusal

KB, MB = 1024, 1024 * 1024
LIMITS = Limits()


def message(size, **attributes):
    return {"MessageBody": "x" * size, "MessageAttributes": attributes}


def test_message_above_256_kb_with_its_attributes_is_refused():
    attribute = {"name": {"DataType": "String", "StringValue": "value"}}  # 15 bytes
    assert sqs.check_request("SendMessage", message(256 * KB), LIMITS) is None
    assert sqs.check_request("SendMessage", message(256 * KB - 15, **attribute), LIMITS) is None
    refusal = sqs.check_request("SendMessage", message(256 * KB - 14, **attribute), LIMITS)
    assert refusal == Refusal(
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.",
    )


def test_batch_of_messages_above_256_kb_is_refused():
    assert sqs.check_request("SendMessageBatch", {"Entries": [message(128 * KB)] * 2}, LIMITS) is None
    refusal = sqs.check_request(
        "SendMessageBatch", {"Entries": [message(128 * KB), message(128 * KB + 1)]}, LIMITS
    )
    assert refusal == Refusal(
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 262144 bytes. You have sent 262145 bytes.",
    )


@pytest.mark.parametrize(
    ("kind", "limit", "text"),
    [
        (
            "Event",
            1 * MB,
            "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        ),
        (
            "RequestResponse",
            6 * MB,
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
    ],
)
def test_invoke_payload_above_its_limit_is_refused(kind, limit, text):
    assert functions.check_request(kind, limit, LIMITS) is None
    assert functions.check_request(kind, limit + 1, LIMITS) == Refusal(
        "RequestEntityTooLargeException", text, 413
    )


def test_function_response_above_6_mb_and_100_bytes_becomes_an_error():
    assert functions.check_response(6_291_556, LIMITS) is None
    assert json.loads(functions.check_response(6_291_557, LIMITS)) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }


def test_url_above_4096_characters_is_refused():
    start = len("wss://a1.execute-api.us-east-1.amazonaws.com")
    assert apigateway.check_url("a1", "us-east-1", "x" * (4096 - start), LIMITS) is None
    assert apigateway.check_url("a1", "us-east-1", "x" * (4097 - start), LIMITS).status == 414


def test_authorizer_result_above_8_kb_is_too_large():
    assert not apigateway.is_authorizer_result_too_large("é" * 4095, LIMITS)  # and two quotes
    assert apigateway.is_authorizer_result_too_large("é" * 4095 + "x", LIMITS)


@pytest.mark.parametrize(
    ("method", "path", "destination", "changes"),
    [
        ("POST", "/v2/apis/a1/stages", "arn", True),
        ("PATCH", "/v2/apis/a1/stages/prod", "arn", True),
        ("PATCH", "/v2/apis/a1/stages/prod", None, False),
        ("GET", "/v2/apis/a1/stages/prod", "arn", False),
        ("POST", "/v2/apis/a1/routes", "arn", False),
    ],
)
def test_access_log_is_recognised_in_requests_that_set_one(method, path, destination, changes):
    parameters = {"accessLogSettings": {"destinationArn": destination}}
    assert apigateway.turns_logs_on(method, path, parameters) is changes
    assert apigateway.turns_logs_on(method, path, {}) is False


@pytest.mark.parametrize(
    ("parameters", "changes"),
    [
        ({"defaultRouteSettings": {"loggingLevel": "ERROR"}}, True),
        ({"routeSettings": {"ping": {"loggingLevel": "INFO"}}}, True),
        ({"defaultRouteSettings": {"loggingLevel": "OFF"}, "routeSettings": {"ping": {}}}, False),
    ],
)
def test_execution_log_is_recognised_in_requests_that_set_one(parameters, changes):
    assert apigateway.turns_logs_on("POST", "/v2/apis/a1/stages", parameters) is changes


def test_log_without_the_accounts_role_is_refused():
    assert apigateway.check_logging_role("arn:aws:iam::1:role/logging", LIMITS) is None
    refusal = apigateway.check_logging_role(None, LIMITS)
    assert refusal == Refusal(
        "BadRequestException", "CloudWatch Logs role ARN must be set in account settings to enable logging"
    )
    assert apigateway.check_logging_role(None, Limits(logging_role_required=False)) is None


@pytest.mark.parametrize(
    ("region", "service", "refused"),
    [
        ("us-east-1", "dynamodb", True),
        ("eu-west-1", "dynamodb", False),
        ("us-east-1", "iam", False),
        ("us-west-2", "iam", True),
    ],
)
def test_signature_for_another_region_is_refused_except_for_global_services(region, service, refused):
    authorization = (
        f"AWS4-HMAC-SHA256 Credential=test/20261127/{region}/{service}/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    refusal = signatures.check_region(signatures.parse(authorization), "eu-west-1", LIMITS)
    assert (refusal is not None) is refused
    assert signatures.parse("Bearer token") is None


@pytest.mark.parametrize("signer", [SigV4Auth, S3SigV4Auth])
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "http://127.0.0.1:4566/a%20b/%C3%BC%252F?z=1&a=%20", b""),
        ("POST", "http://127.0.0.1:4566/", b'{"TableName": "t"}'),
        ("POST", "http://127.0.0.1:4566/_aws/execute-api/a1/prod/%40connections/L0SM9cOFvHcCIhw%3D", b"x"),
    ],
)
def test_signature_by_another_secret_or_of_another_url_is_refused(signer, method, url, body):
    service = "s3" if signer is S3SigV4Auth else "dynamodb"
    request = AWSRequest(method, url, {"Content-Type": "application/json", "X-Amz-Target": "a  b"}, body)
    signer(Credentials("test", "secret"), service, "us-east-1").add_auth(request)
    headers = [*request.headers.items(), ("Host", "127.0.0.1:4566"), ("X-Unsigned", "1")]
    signature = signatures.parse(request.headers["Authorization"])

    signed = signatures.SignedRequest(method, url, headers, body)

    assert signatures.check_secret(signature, "secret", signed, LIMITS) is None
    for secret, other in (("other", signed), ("secret", signed._replace(url=url + "1"))):
        assert signatures.check_secret(signature, secret, other, LIMITS).error == "InvalidSignatureException"
    lifted = Limits(signature_of_root_checked=False)
    assert signatures.check_secret(signature, "other", signed, lifted) is None


def test_checked_client_raises_the_error_of_aws_before_the_call():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1")
        client.create_table(
            TableName="t", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        enforce(client)
        key = {"pk": {"S": "p"}}
        client.put_item(TableName="t", Item=key | {"b": {"B": b"x"}})
        expression = "SET a = :v".ljust(4097)

        with pytest.raises(ClientError, match="Expression size has exceeded") as refused:
            client.update_item(
                TableName="t",
                Key=key,
                UpdateExpression=expression,
                ExpressionAttributeValues={":v": {"S": "v"}},
            )

        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert "a" not in client.get_item(TableName="t", Key=key)["Item"]


def test_refusal_is_rendered_in_dynamodbs_format():
    assert json.loads(render_refusal(Refusal("ValidationException", "no"))) == {
        "__type": "com.amazon.coral.validate#ValidationException",
        "message": "no",
    }
