"""Signature Version 4, by which AWS knows who sent a request and that nobody changed it.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache

from realtime_core.aws.credentials import Credentials
from realtime_core.urls import percent_encode

ALGORITHM = "AWS4-HMAC-SHA256"
_DATE = "x-amz-date"
_SHA256_BLOCK_BYTES = 64


@lru_cache(maxsize=32)
def day_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    """Return the key that signs the requests of one day (`YYYYMMDD`) to one service in a Region."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=32)
def day_hashes(secret_key: str, day: str, region: str, service: str) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Return HMAC's two hashes (RFC 2104), keyed with the `day_key`, for `sign` to copy."""
    padded = day_key(secret_key, day, region, service).ljust(_SHA256_BLOCK_BYTES, b"\0")
    return (
        hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)),
        hashlib.sha256(bytes(byte ^ 0x5C for byte in padded)),
    )


def sign(hashes: tuple[hashlib._Hash, hashlib._Hash], message: bytes) -> str:
    """Return the HMAC of a message in hexadecimal. It takes half the time of `hmac.digest`."""
    inner, outer = hashes[0].copy(), hashes[1].copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.hexdigest()


def stamp_of(now: float) -> str:
    """Format epoch seconds as `x-amz-date` has them: `YYYYMMDDTHHMMSSZ`."""
    return _stamp_of_second(int(now))


@lru_cache(maxsize=1)
def _stamp_of_second(second: int) -> str:
    """The requests of one action are mostly of the same second."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


class SignedPost:
    """Builds signed POST requests that differ in date and body alone; the rest is put together once."""

    __slots__ = ("_credentials", "_region", "_scope_end", "_sent", "_service", "_signed")

    def __init__(
        self,
        credentials: Credentials,
        region: str,
        service: str,
        *,
        path: str,
        signed_path: str,
        headers: Mapping[str, str],
    ) -> None:
        """`headers` are by lower-case name, sorted by it, values without surrounding spaces.

        They include `host`, and `x-amz-date` with any value. `signed_path` is `path` encoded once more.
        """
        self._credentials, self._region, self._service = credentials, region, service
        self._scope_end = f"/{region}/{service}/aws4_request"
        names = ";".join(headers)
        earlier = {name: value for name, value in headers.items() if name < _DATE}
        later = {name: value for name, value in headers.items() if name > _DATE}

        canonical = [
            "".join([f"{name}:{value}\n" for name, value in part.items()]) for part in (earlier, later)
        ]
        self._signed = (
            f"POST\n{signed_path}\n\n{canonical[0]}{_DATE}:",
            f"\n{canonical[1]}\n{names}\n",
        )
        lines = [
            "".join([f"{name}: {value}\r\n" for name, value in part.items()]) for part in (earlier, later)
        ]
        self._sent = (
            f"POST {path} HTTP/1.1\r\n{lines[0]}{_DATE}: ",
            f"\r\n{lines[1]}authorization: {ALGORITHM} Credential={credentials.access_key}/",
            f", SignedHeaders={names}, Signature=",
        )

    def build(self, body: bytes, now: float) -> bytes:
        """Return the request with `body`, signed as of `now` (epoch seconds)."""
        stamp = _stamp_of_second(int(now))
        day = stamp[:8]
        scope = day + self._scope_end

        start, end = self._signed
        request = f"{start}{stamp}{end}{hashlib.sha256(body).hexdigest()}"
        signed = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        hashes = day_hashes(self._credentials.secret_key, day, self._region, self._service)
        signature = sign(hashes, signed.encode())

        head, middle, tail = self._sent
        text = f"{head}{stamp}{middle}{scope}{tail}{signature}\r\ncontent-length: {len(body)}\r\n\r\n"
        return text.encode() + body


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
    return sign(day_hashes(secret_key, day, region, service), signed.encode())
