"""What the errors of AWS and of the service's own code mean to an operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from deals_ops.errors import CallFailed, Missing, NotAllowed, OpsError, WrongArgument
from realtime_core.errors import ServiceError, ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "ForbiddenException", "403"}
_STALE = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)(?: on resource:? (\S+))?")
# Actions that are not called as their operation is.
_ACTIONS = {
    "GetConnection": "execute-api:ManageConnections (GET)",
    "DeleteConnection": "execute-api:ManageConnections (DELETE)",
    "Invoke": "lambda:InvokeFunction",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
REMEDY = "set AWS_PROFILE (or --profile), run `aws sso login`, or set AWS_ACCESS_KEY_ID and its secret"


def explained(error: BaseException) -> OpsError | None:
    """What an operator is to know of an error, or None where it is a fault of ours."""
    if isinstance(error, OpsError):
        return error
    for one in _chain(error):
        for kinds, told in _FAULTS:
            if isinstance(one, kinds):
                return told(one)
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error's causes, the first cause first."""
    found: list[BaseException] = []
    while error is not None:
        found.insert(0, error)
        error = error.__cause__
    return found


def _refused(error: boto.ClientError) -> OpsError:
    operation, told = error.operation_name, error.response["Error"]
    code, message = str(told.get("Code", "Unknown")), str(told.get("Message", ""))
    if code in DENIED:
        found = _ACTION.search(message)
        action = found[1] if found else _ACTIONS.get(operation, operation)
        resource = f" on {found[2]}" if found and found[2] else ""
        return NotAllowed(
            f"these credentials may not {action}{resource}; the policies that operators need are in "
            "docs/operator_cli.md"
        )
    if code in _STALE:
        return NotAllowed(f"the AWS credentials are not valid ({code}: {message}): {REMEDY}")
    if code in {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}:
        return Missing(f"{operation}: {message}")
    return CallFailed(f"{operation} failed: {code}: {message}")


# The first that fits counts; of an error and its causes, the first cause.
_FAULTS: tuple[tuple[Any, Callable[[Any], OpsError]], ...] = (
    (boto.ClientError, _refused),
    (_NO_CREDENTIALS, lambda error: NotAllowed(f"no AWS credentials ({error}): {REMEDY}")),
    (
        boto.ProfileNotFound,
        lambda error: WrongArgument(f"{error}; `aws configure list-profiles` lists those there are"),
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
