"""What Lambda refuses for its size.

docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; messages as users of AWS report them
and as the integration tests of github.com/aws/aws-lambda-dotnet expect them.
"""

from __future__ import annotations

import json

from local_cloud.limits.settings import Limits, Refusal, exceeds


def check_request(invocation_type: str, size: int, limits: Limits) -> Refusal | None:
    """Return AWS's error for an Invoke whose payload of `size` bytes is too large, else None."""
    if invocation_type == "Event" and exceeds(size, limits.lambda_async_request_bytes):
        limit = limits.lambda_async_request_bytes
        message = f"{size} byte payload is too large for the Event invocation type (limit {limit} bytes)"
        return Refusal("RequestEntityTooLargeException", message, 413)
    if exceeds(size, limits.lambda_request_bytes):
        limit = limits.lambda_request_bytes
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        return Refusal("RequestEntityTooLargeException", message, 413)
    return None


def check_response(size: int, limits: Limits) -> bytes | None:
    """Return the function error that replaces a response of `size` bytes; None for one that fits."""
    limit = limits.lambda_response_bytes
    if not exceeds(size, limit):
        return None
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
