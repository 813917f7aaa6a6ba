"""Errors of AWS and of the service become messages with exit codes."""

import pytest
from botocore import exceptions as boto

from deals_ops.error_translation import translate_error
from realtime_core.errors import Problem, StoreUnavailable, ValidationFailed


def client_error(code, message="", operation="PutItem"):
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, operation)


DENIED_MESSAGE = (
    "User: arn:aws:sts::1:assumed-role/ops/ann is not authorized to perform: dynamodb:PutItem on resource: "
    "arn:aws:dynamodb:us-east-1:1:table/deals-production-revocations because no identity-based policy allows"
)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            client_error("AccessDeniedException", DENIED_MESSAGE),
            4,
            "may not dynamodb:PutItem on arn:aws:dynamodb",
        ),
        (
            client_error("ForbiddenException", "", "DeleteConnection"),
            4,
            "execute-api:ManageConnections (DELETE)",
        ),
        (client_error("AccessDenied", "", "Invoke"), 4, "lambda:InvokeFunction"),
        (client_error("ExpiredToken", "The security token has expired"), 4, "aws sso login"),
        (boto.NoCredentialsError(), 4, "no AWS credentials"),
        (boto.UnauthorizedSSOTokenError(), 4, "no AWS credentials"),
        (boto.ProfileNotFound(profile="x"), 2, "aws configure list-profiles"),
        (boto.NoRegionError(), 2, "--region"),
        (client_error("ResourceNotFoundException", "no table"), 3, "no table"),
        (
            client_error("ThrottlingException", "slow down"),
            5,
            "PutItem failed: ThrottlingException: slow down",
        ),
        (boto.EndpointConnectionError(endpoint_url="http://x"), 5, "AWS did not answer"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), 5, "AWS did not answer"),
        (ValidationFailed([Problem("data", "is missing")]), 2, "data: is missing"),
        (StoreUnavailable("left undone"), 5, "left undone"),
    ],
)
def test_an_error_becomes_a_message_with_an_exit_code(error, code, message):
    translated = translate_error(error)
    assert translated.exit_code == code
    assert message in str(translated)


def test_the_root_cause_counts_and_a_bug_is_none():
    error = StoreUnavailable("DynamoDB failed")
    error.__cause__ = client_error("AccessDeniedException", DENIED_MESSAGE)
    assert translate_error(error).exit_code == 4
    assert translate_error(KeyError("x")) is None
