"""Signature Version 4: how AWS knows whose request it is, and that nobody changed it.

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
    """The key that signs a day's (`YYYYMMDD`) requests to one service of a Region."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def stamp_of(now: float) -> str:
    """Epoch seconds as AWS writes them in a request."""
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
    """The Authorization header of a request without a query string.

    `headers` are all that are to be signed, by their lower-case names, in the order of these, without spaces
    around values; `host` and `x-amz-date` (the stamp) are among them. `path` is encoded as it is sent, once
    more where it has anything to encode.
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
    """A GET of `host`'s root that carries its signature in its query string: `host/?…`, without a scheme.

    It is good for `expires_s` seconds. ElastiCache takes such a request for a password.
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
    """The signature of a canonical request."""
    day, region, service, _ = scope.split("/")
    signed = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return hmac.digest(day_key(secret_key, day, region, service), signed.encode(), "sha256").hex()
