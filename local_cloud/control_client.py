"""Calls the control API of a local cloud, whatever proxy this machine's environment names."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from local_cloud.settings import CONTROL_CONTENT_TYPE, CONTROL_HEADER, CloudFailed

_TIMEOUT_SECONDS = 10
# The cloud is on this machine: a proxy between could not reach it.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call_control(endpoint: str, method: str, path: str, body: Any = None) -> Any:
    """Call the control API (local_cloud/README.md) at a cloud's endpoint and return its response.

    Raises CloudFailed with the API's own message, and OSError where nothing answers.
    """
    request = urllib.request.Request(  # noqa: S310 - our own endpoint
        f"{endpoint}/_local_cloud/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={CONTROL_HEADER: "1", "Content-Type": CONTROL_CONTENT_TYPE},
    )
    try:
        with _DIRECT.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise CloudFailed(json.load(error)["error"]) from error
