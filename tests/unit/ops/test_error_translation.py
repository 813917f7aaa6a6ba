"""What AWS's errors mean to an operator."""

import pytest
from botocore import exceptions as boto

from deals_ops.error_translation import explained
from realtime_core.errors import Problem, StoreUnavailable, ValidationFailed


def refused(code, message="", operation="PutItem"):
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, operation)


AWS_SAYS = (
    "User: arn:aws:sts::1:assumed-role/ops/ann is not authorized to perform: dynamodb:PutItem on resource: "
    "arn:aws:dynamodb:us-east-1:1:table/deals-production-revocations because no identity-based policy allows"
)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (refused("AccessDeniedException", AWS_SAYS), 4, "may not dynamodb:PutItem on arn:aws:dynamodb"),
        (refused("ForbiddenException", "", "DeleteConnection"), 4, "execute-api:ManageConnections (DELETE)"),
        (refused("AccessDenied", "", "Invoke"), 4, "lambda:InvokeFunction"),
        (refused("ExpiredToken", "The security token has expired"), 4, "aws sso login"),
        (boto.NoCredentialsError(), 4, "no AWS credentials"),
        (boto.UnauthorizedSSOTokenError(), 4, "no AWS credentials"),
        (boto.ProfileNotFound(profile="x"), 2, "aws configure list-profiles"),
        (boto.NoRegionError(), 2, "--region"),
        (refused("ResourceNotFoundException", "no table"), 3, "no table"),
        (refused("ThrottlingException", "slow down"), 5, "PutItem failed: ThrottlingException: slow down"),
        (boto.EndpointConnectionError(endpoint_url="http://x"), 5, "AWS did not answer"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), 5, "AWS did not answer"),
        (ValidationFailed([Problem("data", "is missing")]), 2, "data: is missing"),
        (StoreUnavailable("left undone"), 5, "left undone"),
    ],
)
def test_an_error_is_said_with_its_exit_code(error, code, said):
    told = explained(error)
    assert told.exit_code == code
    assert said in str(told)


def test_the_first_cause_counts_and_a_fault_of_ours_is_none():
    error = StoreUnavailable("DynamoDB failed")
    error.__cause__ = refused("AccessDeniedException", AWS_SAYS)
    assert explained(error).exit_code == 4
    assert explained(KeyError("x")) is None
