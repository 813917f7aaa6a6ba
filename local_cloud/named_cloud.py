"""A cloud that was started elsewhere: what answers at LOCALSTACK_ENDPOINT, and where its WebSocket APIs are.

LocalStack documents two styles of URL for an API, by path and by host name; some of its versions give each
WebSocket API a port of its own, which `GetApi` names. Its functions run in containers: there this machine's
loopback address is the container's, and LocalStack is reached by its public name.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from local_cloud.settings import CloudFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "LOCALSTACK_ENDPOINT"
NAME = "localhost.localstack.cloud"
"""LocalStack's public name for the machine that it runs on; inside of its containers, LocalStack itself."""

_TIMEOUT_SECONDS = 10
# The cloud is on this machine or in its network: a proxy between could not reach it.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class NamedCloud:
    """The cloud at LOCALSTACK_ENDPOINT."""

    endpoint: str
    has_control_api: bool
    """Whether it is one of this project, which takes faults and a clock (local_cloud/README.md)."""
    runs_on_host: bool
    """Whether functions run on this machine's Python, as in that cloud, and not in containers."""

    @property
    def functions_endpoint(self) -> str:
        """Where functions reach the cloud: in LocalStack's containers at LOCALSTACK_HOST, its setting."""
        if self.runs_on_host:
            return self.endpoint
        parts = urlsplit(self.endpoint)
        host = os.environ.get("LOCALSTACK_HOST") or f"{NAME}:{parts.port or _default_port(parts.scheme)}"
        return f"{parts.scheme}://{host}"

    def find_websocket_url(self, api_id: str, stage: str, api_endpoint: str, token: str) -> str:
        """Return the first of the documented URLs at which a WebSocket opens with a token.

        `api_endpoint` is what `GetApi` gives as such. Raises CloudFailed with what each URL answered.
        """
        answers = []
        for url in self._list_urls(api_id, stage, api_endpoint):
            answer = _try_handshake(url, token)
            if answer is None:
                return url
            answers.append(f"{url}: {answer}")
        tried = "\n  ".join(answers)
        raise CloudFailed(
            f"{VARIABLE}={self.endpoint} opens no WebSocket of the API {api_id} at any URL that "
            f"LocalStack documents (its WebSocket APIs need a paid plan):\n  {tried}"
        )

    def _list_urls(self, api_id: str, stage: str, api_endpoint: str) -> Iterator[str]:
        """Yield the URLs to try; the one that needs no name of LocalStack's first."""
        parts = urlsplit(self.endpoint)
        scheme = "wss" if parts.scheme == "https" else "ws"
        yield f"{scheme}://{parts.netloc}/_aws/execute-api/{api_id}/{stage}"
        yield f"{scheme}://{api_id}.execute-api.{NAME}:{parts.port or _default_port(parts.scheme)}/{stage}"
        own_port = urlsplit(api_endpoint)
        if own_port.scheme in {"ws", "wss"} and not (own_port.hostname or "").endswith(".amazonaws.com"):
            yield f"{api_endpoint.rstrip('/')}/{stage}"
            yield api_endpoint


def find_named_cloud() -> NamedCloud | None:
    """Return the cloud that LOCALSTACK_ENDPOINT names, None if it is unset.

    Raises CloudFailed if it is no endpoint or nothing answers there. A refusal is an answer: a cloud need not
    know the caller's keys.
    """
    endpoint = os.environ.get(VARIABLE, "").rstrip("/")
    if not endpoint:
        return None
    if not _is_endpoint(endpoint):
        raise CloudFailed(f"{VARIABLE}={endpoint} is no endpoint: give one like http://127.0.0.1:4566")
    has_control_api = _get(f"{endpoint}/_local_cloud/status") is not None
    runs_on_host = has_control_api or _get(f"{endpoint}/_ministack/ready") is not None
    return NamedCloud(endpoint, has_control_api, runs_on_host)


def _is_endpoint(text: str) -> bool:
    """Whether a text is scheme and host, with or without a port, and nothing else."""
    try:
        parts = urlsplit(text)
        is_host = bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        return False
    return is_host and parts.scheme in {"http", "https"} and not (parts.path or parts.query or parts.fragment)


def list_dial_options(url: str) -> dict[str, Any]:
    """Return options of `websockets.connect` for a URL whose host is one of LocalStack's names.

    The name is this machine's loopback address by LocalStack's documentation, but resolvers that guard
    against rebinding do not say so, and none does offline.
    """
    parts = urlsplit(url)
    if not (parts.hostname or "").endswith(f".{NAME}") or _is_known(parts.hostname or ""):
        return {}
    return {"host": "127.0.0.1", "port": parts.port or _default_port(parts.scheme)}


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _default_port(scheme: str) -> int:
    return 443 if scheme in {"https", "wss"} else 80


def _get(url: str) -> Any:
    """Return the JSON of a 200, or True for another body; None for another status. Raises CloudFailed."""
    try:
        with _DIRECT.open(url, timeout=_TIMEOUT_SECONDS) as response:
            text = response.read()
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError, http.client.HTTPException) as error:
        endpoint = os.environ.get(VARIABLE, "")
        raise CloudFailed(
            f"{VARIABLE}={endpoint} does not answer ({error}): start what should listen there, for instance "
            "by docker compose (docker-compose.localstack.yml), or unset it for a local cloud"
        ) from error
    try:
        return json.loads(text)
    except ValueError:
        return True


def _try_handshake(url: str, token: str) -> str | None:
    """Open and close a WebSocket; return None if that worked, else why it did not."""
    dial = list_dial_options(url)
    try:
        sock = socket.create_connection((dial["host"], dial["port"]), _TIMEOUT_SECONDS) if dial else None
        with connect(
            url,
            sock=sock,
            proxy=None,
            open_timeout=_TIMEOUT_SECONDS,
            additional_headers={"Authorization": f"Bearer {token}"},
        ):
            return None
    except InvalidStatus as error:
        return f"status {error.response.status_code}"
    except (InvalidHandshake, OSError, TimeoutError) as error:
        return str(error) or type(error).__name__
