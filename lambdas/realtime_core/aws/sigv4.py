"""Signature Version 4, by which AWS knows who sent a request and that nobody changed it.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from functools import lru_cache

from realtime_core.aws.credentials import Credentials
from realtime_core.urls import percent_encode

ALGORITHM = "AWS4-HMAC-SHA256"


@lru_cache(maxsize=32)
def day_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    """Return the key that signs the requests of one day (`YYYYMMDD`) to one service in a Region."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def stamp_of(now: float) -> str:
    """Format epoch seconds as `x-amz-date` has them: `YYYYMMDDTHHMMSSZ`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def authorization(
    credentials: Credentials,
    region: str,
    service: str,
    *,
    stamp: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
) -> str:
    """Return the Authorization header of a request without a query string.

    `headers` are the headers to sign: by lower-case name, sorted by it, values without surrounding spaces.
    They include `host` and `x-amz-date` (the stamp). `path` is the path as sent, encoded once more.
    """
    names = ";".join(headers)
    lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = _signature(credentials.secret_key, scope, stamp, request)
    credential = f"Credential={credentials.access_key}/{scope}"
    return f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"


def presigned(
    credentials: Credentials,
    region: str,
    service: str,
    *,
    stamp: str,
    host: str,
    query: dict[str, str],
    expires_s: int,
) -> str:
    """Return a GET of `host`'s root with its signature in the query string: `host/?…`, without a scheme.

    It is valid for `expires_s` seconds. ElastiCache accepts such a request as a password.
    """
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signed = query | {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token is not None:
        signed["X-Amz-Security-Token"] = credentials.token
    pairs = "&".join(f"{percent_encode(name)}={percent_encode(signed[name])}" for name in sorted(signed))
    request = f"GET\n/\n{pairs}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    return f"{host}/?{pairs}&X-Amz-Signature={_signature(credentials.secret_key, scope, stamp, request)}"


def _signature(secret_key: str, scope: str, stamp: str, request: str) -> str:
    """Return the signature of a canonical request."""
    day, region, service, _ = scope.split("/")
    signed = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return hmac.digest(day_key(secret_key, day, region, service), signed.encode(), "sha256").hex()
