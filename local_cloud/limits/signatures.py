"""Signatures that AWS refuses: for another Region, or by the root key with a wrong secret.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. The emulator checks the
signatures of all other keys.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_cloud.limits.settings import Limits, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 "
    r"Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]+)$"
)
# Global services take signatures for us-east-1 in every Region:
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, "Region".
_GLOBAL_SERVICES = frozenset(
    {"budgets", "ce", "cloudfront", "health", "iam", "organizations", "route53", "shield", "sts", "waf"}
)
_GLOBAL_REGION = "us-east-1"


class Signature(NamedTuple):
    """A parsed `Authorization` header of Signature Version 4."""

    key: str
    date: str
    region: str
    service: str
    headers: str
    signature: str


def parse(authorization: str) -> Signature | None:
    """Parse an `Authorization` header; None when it is not Signature Version 4."""
    match = _AUTHORIZATION.match(authorization)
    return Signature(**match.groupdict()) if match else None


def check_region(signature: Signature, region: str, limits: Limits) -> Refusal | None:
    """Return AWS's error for a signature that is for another Region, else None."""
    if not limits.signature_region_checked or signature.region == region:
        return None
    if signature.service in _GLOBAL_SERVICES and signature.region == _GLOBAL_REGION:
        return None
    return Refusal("InvalidSignatureException", "Credential should be scoped to a valid region. ", 403)


class _Signer(SigV4Auth):
    """botocore's signing, of exactly the headers that a signature names."""

    def headers_to_sign(self, request: Any) -> Any:
        return request.headers


class _S3Signer(S3SigV4Auth):
    """The same for S3, which does not escape paths twice."""

    def headers_to_sign(self, request: Any) -> Any:
        return request.headers


class SignedRequest(NamedTuple):
    """A request as it arrived; `url` has the escaped path and query."""

    method: str
    url: str
    headers: Iterable[tuple[str, str]]
    body: bytes


def check_secret(signature: Signature, secret: str, signed: SignedRequest, limits: Limits) -> Refusal | None:
    """Return AWS's error for a signature that was not made with `secret`, else None."""
    if not limits.signature_of_root_checked:
        return None

    names = signature.headers.split(";")
    request = AWSRequest(signed.method, signed.url, data=signed.body)
    request.context["timestamp"] = ""
    for name, value in ((name.lower(), value) for name, value in signed.headers):
        if name in names:
            request.headers[name] = value
        if name == "x-amz-date":
            request.context["timestamp"] = value

    kind = _S3Signer if signature.service == "s3" else _Signer
    signer = kind(Credentials(signature.key, secret), signature.service, signature.region)

    text = signer.string_to_sign(request, signer.canonical_request(request))
    if hmac.compare_digest(signer.signature(text, request), signature.signature):
        return None
    return Refusal(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.",
        403,
    )
