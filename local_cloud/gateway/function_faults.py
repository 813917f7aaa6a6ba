"""Faults of a function's processes that end by themselves: suspended, or without memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from local_cloud import function_processes
from local_cloud.gateway.control_calls import NotFound
from local_cloud.gateway.control_fields import read_number

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 5.0
SECONDS_MAX = 900.0
"""The longest that a function of Lambda may run."""


class FunctionFaults:
    """Suspends and starves functions of the cloud at `endpoint`, by which its processes are known."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._affected: set[int] = set()

    def suspend(self, body: dict[str, Any], function: str) -> dict[str, Any]:
        """Suspend a function by its full name for `seconds`. Raises BadCall, NotFound."""
        return self._apply(function_processes.suspend_function, body, function)

    def starve(self, body: dict[str, Any], function: str) -> dict[str, Any]:
        """Give a function by its full name no more memory for `seconds`. Raises BadCall, NotFound."""
        return self._apply(function_processes.starve_function, body, function)

    def close(self) -> None:
        """Continue all that is suspended."""
        self._end(self._affected)

    def _apply(
        self, work: Callable[[str, str], list[int]], body: dict[str, Any], function: str
    ) -> dict[str, Any]:
        seconds = read_number(body, "seconds", SECONDS, 0, SECONDS_MAX, is_open=True)
        try:
            function_processes.require_processes()
        except LookupError as error:
            raise NotFound(str(error)) from error
        pids = set(work(function, self._endpoint))
        self._affected |= pids
        asyncio.get_running_loop().call_later(seconds, self._end, pids)
        return {"processes": len(pids), "seconds": seconds}

    def _end(self, pids: set[int]) -> None:
        function_processes.resume_processes(pids)
        self._affected = self._affected - pids
