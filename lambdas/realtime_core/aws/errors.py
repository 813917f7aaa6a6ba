"""How a call to AWS fails, and which failures are worth another attempt.

AwsError
├── Refused      the service responded with an error
└── Unreachable  there was no complete response
"""

from __future__ import annotations

from typing import Any

# Sources: botocore's standard retry mode (botocore/retries/standard.py), which a test compares; AWS's common
# errors (docs.aws.amazon.com/general/latest/gr/common-errors.html); what DynamoDB calls OK to retry
# (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html). What each user retries:
#
#   aws.json_client      THROTTLING, FAULTS and the statuses of is_retryable_status
#   aws.dynamodb         THROTTLING and CONFLICTS, after json_client has given up
#   push.management_api  the statuses alone: the codes of @connections say no more than these

THROTTLING = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""The service had no capacity for the request, or is still busy with an earlier attempt of it."""

FAULTS = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
    }
)
"""The service failed for reasons of its own."""

CONFLICTS = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "TransactionConflict",
        "TransactionConflictException",
    }
)
"""Another transaction held a DynamoDB item, or the partition of one item in a transaction had no capacity.

All but the last are reasons inside a TransactionCanceledException (API_TransactWriteItems.html).
"""


def is_retryable_status(status: int) -> bool:
    """Whether another attempt may succeed after this HTTP status."""
    return status == 429 or status >= 500


class AwsError(Exception):
    """A call to AWS failed."""


class Refused(AwsError):
    """The service refused `operation` with the error `code`; `body` is its whole response."""

    def __init__(self, operation: str, code: str, status: int, body: dict[str, Any]) -> None:
        # Codes only: messages may quote what was to be stored.
        super().__init__(f"{operation} was refused: {code} ({status})")
        self.operation = operation
        self.code = code
        self.status = status
        self.body = body


class Unreachable(AwsError):
    """`operation` got no complete response in time; it may have been carried out all the same."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation} got no answer: {reason}")
        self.operation = operation
        self.reason = reason
