"""The last lines that a function logged."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from local_cloud.gateway.control_calls import BadCall
from local_cloud.settings import parse_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deals_ops.stack import Stack
    from local_cloud.console.applied_stack import AppliedStack
    from local_cloud.gateway.control_calls import ControlCalls

LINES = 50
LINES_MAX = 1000
# A quiet function's last words, without reading a long session's whole log.
_PERIODS_S = (60, 15 * 60, 24 * 3600)


class FunctionLogs:
    """Reads the functions' log groups."""

    def __init__(self, applied: AppliedStack) -> None:
        self._applied = applied

    def calls(self) -> ControlCalls:
        """Return the call by method and path."""
        return {"GET functions/([^/]+)/logs": self._read}

    async def _read(self, query: dict[str, Any], function: str) -> dict[str, Any]:
        text = query.get("lines", str(LINES))
        number = parse_digits(text)
        if number is None or not 1 <= number <= LINES_MAX:
            raise BadCall(f"lines: {text!r:.100}; give a whole number from 1 to {LINES_MAX}")
        name = await self._applied.full_name(function)
        return {"lines": await self._applied.run(lambda stack: read_last(stack, name, number))}


def read_last(stack: Stack, function: str, number: int) -> list[str]:
    """Return the last lines of a function, by its full name, oldest first."""
    lines: deque[str] = deque(maxlen=number)
    for seconds in _PERIODS_S:
        lines.clear()
        lines.extend(iterate_lines(stack, function, time.time() - seconds))
        if len(lines) == number:
            break
    return list(lines)


def iterate_lines(stack: Stack, function: str, since: float, containing: str = "") -> Iterator[str]:
    """Yield the lines of a function since a time (epoch seconds), oldest first."""
    logs = stack.aws.client("logs")
    wanted = {"filterPattern": f'"{containing}"'} if containing else {}
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{function}", startTime=int(since * 1000), **wanted
        )
        for page in pages:
            for event in page["events"]:
                yield from event["message"].splitlines()
    except logs.exceptions.ResourceNotFoundException:
        return  # it has not run yet
