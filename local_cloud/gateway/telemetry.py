"""Publishes access logs and metrics through the emulator's CloudWatch APIs, about once a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.gateway.access_log import AccessRecord, fill_format, format_line
from local_cloud.gateway.backend import Backend
from local_cloud.gateway.events import Peer, create_id, now_ms
from local_cloud.gateway.http_telemetry import HttpAccess
from local_cloud.gateway.metrics import NAMESPACE, MetricBatch, Series, measure, read_emf

logger = logging.getLogger(__name__)

PUBLISH_EVERY_S = 1.0
# A function that an event source runs is noticed by its AWS calls; this interval covers those that make none.
_READ_QUIET_LOGS_EVERY_S = 10.0
# A line may be stored this long after its timestamp.
_LOG_DELAY_MS = 2_000
_UNITS = {"Latency": "Milliseconds", "IntegrationLatency": "Milliseconds", "DataProcessed": "Bytes"}
_FUNCTION_LOGS = "/aws/lambda/"


class Telemetry:
    """Access logs, the gateway's metrics, and the metrics that functions print."""

    def __init__(self, backend: Backend) -> None:
        self._cloudwatch, self._logs = backend.client("cloudwatch"), backend.client("logs")
        self._batch = MetricBatch()
        self._lines: dict[str, list[dict[str, Any]]] = {}
        self._log_stream = create_id().replace("=", "")
        self._streams: set[str] = set()
        self._seen: Counter[tuple[str, str, int, str]] = Counter()
        self._since = now_ms()
        self._busy, self._logs_read_at = True, 0.0

    def record(self, access: AccessRecord) -> None:
        """Count one event, and write it to the access log of its stage, if there is one."""
        for name, value in measure(access):
            self._count(access.peer, name, value)
        stage = access.stage
        if stage is not None and stage.log_group and stage.log_format:
            self._log(stage.log_group, format_line(access))
        self._busy = True

    def record_http(self, access: HttpAccess) -> None:
        """Count one request of an HTTP API, and write it to the access log of its stage, if there is one."""
        for name, value in access.metrics():
            self._count_of(access.request.api_id, access.request.stage, name, value)
        stage = access.stage
        if stage is not None and stage.log_group and stage.log_format:
            self._log(stage.log_group, fill_format(stage.log_format, access.variables()))
        self._busy = True

    def _log(self, group: str, line: str) -> None:
        self._lines.setdefault(group, []).append({"timestamp": now_ms(), "message": line})

    def count_push(self, peer: Peer) -> None:
        """Count a message sent through `@connections`."""
        self._count(peer, "MessageCount", 1)

    def touch(self) -> None:
        """Note activity, after which functions may have printed metrics."""
        self._busy = True

    def _count(self, peer: Peer, name: str, value: float) -> None:
        self._count_of(peer.api_id, peer.stage, name, value)

    def _count_of(self, api_id: str, stage_name: str, name: str, value: float) -> None:
        api, stage = ("ApiId", api_id), ("Stage", stage_name)
        unit = _UNITS.get(name, "Count")
        for dimensions in ((api,), (api, stage)):
            self._batch.add(Series(NAMESPACE, name, dimensions, unit, int(time.time())), value)

    async def keep_publishing(self) -> None:
        """Publish until cancelled."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            await self.publish()

    async def publish(self) -> None:
        """Publish what was collected; what the emulator rejects is logged and lost."""
        try:
            await asyncio.to_thread(self._publish)
        except Exception:  # publishing goes on with the next second
            logger.exception("telemetry was not published")

    def _publish(self) -> None:
        if self._busy or time.monotonic() - self._logs_read_at > _READ_QUIET_LOGS_EVERY_S:
            self._busy, self._logs_read_at = False, time.monotonic()
            for series, value in self._read_printed():
                self._batch.add(series, value)
        for namespace, data in self._batch.take():
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
        lines, self._lines = self._lines, {}
        for group, entries in lines.items():
            self._write_access_log(group, entries)

    def _write_access_log(self, group: str, entries: list[dict[str, Any]]) -> None:
        try:
            if group not in self._streams:
                self._logs.create_log_stream(logGroupName=group, logStreamName=self._log_stream)
                self._streams.add(group)
            entries.sort(key=lambda entry: int(entry["timestamp"]))
            for start in range(0, len(entries), 5_000):  # PutLogEvents takes 10,000, and 1 MiB
                part = entries[start : start + 5_000]
                self._logs.put_log_events(logGroupName=group, logStreamName=self._log_stream, logEvents=part)
        except ClientError as error:
            # A log group may be destroyed with its stack; telemetry goes on.
            self._streams.discard(group)
            logger.warning("access log %s: %s", group, error)

    def _read_printed(self) -> Iterator[tuple[Series, float]]:
        """Yield the metrics that functions printed since the last read, each once."""
        until = now_ms()
        lines: Counter[tuple[str, str, int, str]] = Counter()

        groups = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=_FUNCTION_LOGS)
        for group in (g["logGroupName"] for page in groups for g in page["logGroups"]):
            pages = self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=self._since, filterPattern='"_aws"'
            )
            for event in (e for page in pages for e in page["events"]):
                lines[group, event["logStreamName"], event["timestamp"], event["message"]] += 1

        for line_id, times in lines.items():
            # The emulator's log events have no unique id, so equal lines of one millisecond are counted.
            for _ in range(times - self._seen[line_id]):
                for text in line_id[-1].splitlines():
                    yield from read_emf(text)

        self._since = max(self._since, until - _LOG_DELAY_MS)
        self._seen = Counter({i: n for i, n in lines.items() if i[2] >= self._since})
