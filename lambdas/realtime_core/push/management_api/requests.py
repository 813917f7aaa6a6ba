"""Requests to @connections as bytes, signed with Signature Version 4, byte for byte as botocore signs them.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. What all requests of a
batch have in common is hashed once, so that a request costs two short hashes and no key derivation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Literal

from realtime_core.aws.credentials import Credentials
from realtime_core.aws.endpoint import Endpoint
from realtime_core.aws.sigv4 import ALGORITHM, day_hashes, sign, stamp_of
from realtime_core.urls import percent_encode

Method = Literal["POST", "GET", "DELETE"]
SERVICE = "execute-api"
# Ids of these characters need no encoding in a URL but for `=`.
_PLAIN = re.compile(r"(?!\.+\Z)[A-Za-z0-9._~=-]+")


class ConnectionRequests:
    """Builds signed requests to the connections of one endpoint."""

    def __init__(self, endpoint: Endpoint, region: str) -> None:
        self._endpoint = endpoint
        self._region = region

    def prepare(
        self, method: Method, payload: bytes, credentials: Credentials, now: float
    ) -> Callable[[str], bytes]:
        """Return a function from a connection id to its request, signed as of `now` (epoch seconds).

        AWS accepts a signature for five minutes: prepare again every few seconds.
        """
        stamp = stamp_of(now)
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        headers = {"host": self._endpoint.authority, "x-amz-date": stamp}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        path = f"{self._endpoint.path}/@connections/"

        signed_head = f"{method}\n{percent_encode(path, keep=b'/')}"
        signed_tail = f"\n\n{lines}\n{names}\n{hashlib.sha256(payload).hexdigest()}"
        inner, outer = day_hashes(credentials.secret_key, stamp[:8], self._region, SERVICE)
        inner = inner.copy()
        inner.update(f"{ALGORITHM}\n{stamp}\n{scope}\n".encode())
        hashes = inner, outer

        head = f"{method} {path}"
        middle = f" HTTP/1.1\r\n{_header_lines(headers)}"
        middle += f"content-length: {len(payload)}\r\n"
        middle += f"authorization: {ALGORITHM} Credential={credentials.access_key}/{scope}, "
        middle += f"SignedHeaders={names}, Signature="
        tail = b"\r\n\r\n" + payload

        def request(connection_id: str) -> bytes:
            name = path_segment(connection_id)
            # The signed path is encoded once more: AWS decodes the path that it received before it verifies.
            signed = f"{signed_head}{name.replace('%', '%25')}{signed_tail}"
            signature = sign(hashes, hashlib.sha256(signed.encode()).hexdigest().encode())
            return f"{head}{name}{middle}{signature}".encode() + tail

        return request


def path_segment(connection_id: str) -> str:
    """Encode a connection id as one segment of a path, `.` and `..` too, or they would leave the path."""
    if _PLAIN.fullmatch(connection_id):
        return connection_id.replace("=", "%3D")
    encoded = percent_encode(connection_id)
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")


def _header_lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
