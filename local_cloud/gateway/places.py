"""From where to where a call goes: its caller by the key that signs it, its targets by what it names."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from local_cloud.function_processes import find_function_of_port, find_processes
from local_cloud.gateway.traffic import GATEWAY, PUBLISHERS, REDIS, Traffic

# A key that is of no process now may be one of a process that is about to start.
_ASK_AGAIN_S = 5.0
_KEY = re.compile(r"Credential=([^/]+)/")
_TABLE = re.compile(rb'"TableName"\s*:\s*"([^"]+)"')
_QUEUE = re.compile(rb'"QueueUrl"\s*:\s*"[^"]*/([^"/]+)"')
_INVOKED = re.compile(r"^/2015-03-31/functions/([^/]+)/invocations$")


def function_place(name_or_arn: str) -> str:
    """Return the place of a function, by its name or ARN, with or without a qualifier."""
    parts = name_or_arn.split(":")
    return f"function:{parts[6] if len(parts) > 6 else parts[0]}"


def find_targets(service: str, operation: str, path: str, body: bytes) -> list[str]:
    """Return the places that a call goes to, each once; none for services that are not watched."""
    match service:
        case "dynamodb":
            names = [name.decode() for name in _TABLE.findall(body)]
            return sorted({f"table:{name}" for name in [*names, *_read_batch(body)]})
        case "sqs":
            return [f"queue:{name.decode()}" for name in _QUEUE.findall(body)[:1]]
        case "lambda" if operation == "Invoke":
            invoked = _INVOKED.match(path)
            return [function_place(invoked[1])] if invoked else []
        case "execute-api":
            return [GATEWAY]
    return []


def _read_batch(body: bytes) -> Iterable[str]:
    """Return the tables of a batch, which names them as members of an object."""
    if b'"RequestItems"' not in body:
        return []
    try:
        requests: Any = json.loads(body)["RequestItems"]
    except (ValueError, LookupError, TypeError):
        return []
    return requests if isinstance(requests, dict) else []


class Callers:
    """Knows which function signs with which key, by the environments of the processes of this machine."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._functions: dict[str, str] = {}
        self._asked_at: dict[str, float] = {}

    def find(self, authorization: str) -> str:
        """Return the function that signed a call, else the place of all other callers: publishers."""
        match = _KEY.search(authorization)
        if match is None:
            return PUBLISHERS
        key = match[1]
        if key not in self._functions and time.monotonic() - self._asked_at.get(key, 0) > _ASK_AGAIN_S:
            self._asked_at[key] = time.monotonic()
            self._functions |= {process.key: process.function for process in find_processes(self._endpoint)}
        function = self._functions.get(key)
        return PUBLISHERS if function is None else function_place(function)

    def find_by_port(self, port: int) -> str:
        """Return the function that has a connection from a local port, else the place of publishers."""
        function = find_function_of_port(port, self._endpoint)
        return PUBLISHERS if function is None else function_place(function)

    def watch_redis(self, traffic: Traffic) -> Callable[[int], Callable[[], None]]:
        """Return what counts the pieces that clients of Redis send, for `Tunnel.watch`."""

        def watch(port: int) -> Callable[[], None]:
            source = self.find_by_port(port)
            return lambda: traffic.count(source, REDIS)

        return watch
