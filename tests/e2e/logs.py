"""Reads the log groups of the applied stack."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from local_cloud.client import WAIT_SECONDS

if TYPE_CHECKING:
    from tests.e2e.service import Service


class Logs:
    """Reads what the stack logs from `back_ms` before this object is created."""

    def __init__(self, stack: Service, back_ms: int = 1000) -> None:
        self._logs = stack.stack.client("logs")
        # The group of API Gateway's execution log is null where that is off.
        self.groups = {name: group for name, group in stack.outputs["log_group_names"].items() if group}
        self._since = int(time.time() * 1000) - back_ms

    def read_lines(self, group: str, containing: str = "") -> list[str]:
        """Return the lines of a group that contain a text."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.groups[group], startTime=self._since
        )
        messages = [event["message"] for page in pages for event in page["events"]]
        return [line for message in messages for line in message.splitlines() if containing in line]

    async def wait_for_line(self, group: str, event: str, containing: str) -> dict[str, Any]:
        """Wait for a line of an event that contains a text, and return it parsed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for text in await asyncio.to_thread(self.read_lines, group, containing):
                if text.startswith("{") and (line := json.loads(text)).get("event") == event:
                    return dict(line)
            await asyncio.sleep(0.3)
        raise AssertionError(f"no {event} with {containing} in {group}: {self.read_lines(group)[-20:]}")

    async def wait_for_access(self, route_key: str, connection_id: str) -> dict[str, Any]:
        """Wait for the access log's line of a connection's frame, and return it parsed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for text in await asyncio.to_thread(self.read_lines, "access", connection_id):
                if (line := json.loads(text))["routeKey"] == route_key:
                    return dict(line)
            await asyncio.sleep(0.3)
        raise AssertionError(f"no {route_key} of {connection_id}: {self.read_lines('access')[-20:]}")
