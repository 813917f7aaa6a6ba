"""Translates errors of AWS and of the service's own code into messages for an operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from deals_ops.errors import CallFailed, Missing, NotAllowed, OpsError, WrongArgument
from realtime_core.errors import ServiceError, ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Callable

ACCESS_DENIED_CODES = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "ForbiddenException",
    "403",
}
_CREDENTIAL_CODES = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_NOT_FOUND_CODES = {
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
}
_CREDENTIAL_ERRORS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
_DENIED_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)(?: on resource:? (\S+))?")
# IAM actions whose names differ from their operations'.
_ACTION_OF_OPERATION = {
    "GetConnection": "execute-api:ManageConnections (GET)",
    "DeleteConnection": "execute-api:ManageConnections (DELETE)",
    "Invoke": "lambda:InvokeFunction",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
REMEDY = "set AWS_PROFILE (or --profile), run `aws sso login`, or set AWS_ACCESS_KEY_ID and its secret"


def translate_error(error: BaseException) -> OpsError | None:
    """Return the error to report to an operator, or None for a bug in the command line.

    Looks at the root cause first, then at each error that was raised from it.
    """
    if isinstance(error, OpsError):
        return error

    for cause in _causes(error):
        for error_types, translate in _TRANSLATIONS:
            if isinstance(cause, error_types):
                return translate(cause)
    return None


def _causes(error: BaseException | None) -> list[BaseException]:
    """The error and its causes, the root cause first."""
    causes: list[BaseException] = []
    while error is not None:
        causes.insert(0, error)
        error = error.__cause__
    return causes


def _translate_client_error(error: boto.ClientError) -> OpsError:
    operation, details = error.operation_name, error.response["Error"]
    code, message = str(details.get("Code", "Unknown")), str(details.get("Message", ""))

    if code in ACCESS_DENIED_CODES:
        # Not every service names the denied action in its message.
        match = _DENIED_ACTION.search(message)
        action = match[1] if match else _ACTION_OF_OPERATION.get(operation, operation)
        resource = f" on {match[2]}" if match and match[2] else ""
        return NotAllowed(
            f"these credentials may not {action}{resource}; docs/operator_cli.md lists the policies that "
            "operators need"
        )
    if code in _CREDENTIAL_CODES:
        return NotAllowed(f"the AWS credentials are not valid ({code}: {message}): {REMEDY}")
    if code in _NOT_FOUND_CODES:
        return Missing(f"{operation}: {message}")
    return CallFailed(f"{operation} failed: {code}: {message}")


# The first match counts, so subclasses stand before their bases.
_TRANSLATIONS: tuple[tuple[Any, Callable[[Any], OpsError]], ...] = (
    (boto.ClientError, _translate_client_error),
    (_CREDENTIAL_ERRORS, lambda error: NotAllowed(f"no AWS credentials ({error}): {REMEDY}")),
    (
        boto.ProfileNotFound,
        lambda error: WrongArgument(f"{error}; `aws configure list-profiles` lists the existing ones"),
    ),
    (boto.NoRegionError, lambda _: WrongArgument("no Region is set: use --region, or set AWS_REGION")),
    (
        (boto.HTTPClientError, boto.EndpointConnectionError),
        lambda error: CallFailed(f"AWS did not answer: {error}"),
    ),
    (boto.BotoCoreError, lambda error: CallFailed(str(error))),
    (ValidationFailed, lambda error: WrongArgument(error.message)),
    (ServiceError, lambda error: CallFailed(str(error))),
)
