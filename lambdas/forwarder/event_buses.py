"""The event buses of other Regions on EventBridge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from realtime_core.aws.client import create_client
from realtime_core.aws.errors import AwsError
from realtime_core.aws.json_client import JsonClient
from realtime_core.forwarding.base import Forward, bus_region
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.strict_json import byte_length

log = get_logger(__name__)

SOURCE = "deals-websocket"
DETAIL_TYPE = "ForwardedEvent"
"""What the receiving rule of terraform/modules/fan-out picks: nothing else comes by its bus."""

# Outside limits: ten entries and 256 KB in a PutEvents.
ENTRIES_MAX = 10
ENTRIES_BYTES_MAX = 256 * 1024 - ENTRIES_MAX * (len(SOURCE) + len(DETAIL_TYPE))

# The queue tries again every 45 s, so a Region that does not answer is not waited for.
ATTEMPTS = 2


@cache
def region_client(region: str) -> JsonClient:
    """Return the client of EventBridge in a Region."""
    return create_client(JsonClient, "events", region_name=region, attempts=ATTEMPTS)


def put_events(bus_arn: str, forwards: Sequence[Forward]) -> list[bool]:
    """Put events on one bus, in its own Region. Returns whether each was accepted, in order.

    What no call is made for, since one before it failed, counts as not accepted.
    """
    accepted: list[bool] = []
    try:
        for batch in _batches(forwards):
            accepted += _put(bus_arn, batch)
    except AwsError:
        log.exception("bus_failed", bus=bus_arn)
    return accepted + [False] * (len(forwards) - len(accepted))


def _put(bus_arn: str, batch: Sequence[Forward]) -> Iterable[bool]:
    entries = [
        {"Source": SOURCE, "DetailType": DETAIL_TYPE, "EventBusName": bus_arn, "Detail": forward.text}
        for forward in batch
    ]
    results = region_client(bus_region(bus_arn)).put_events(Entries=entries)["Entries"]

    codes = sorted({result["ErrorCode"] for result in results if "ErrorCode" in result})
    if codes:
        log.warning("entries_refused", bus=bus_arn, codes=codes)
    return ["ErrorCode" not in result for result in results]


def _batches(forwards: Sequence[Forward]) -> Iterator[list[Forward]]:
    batch: list[Forward] = []
    size = 0
    for forward in forwards:
        length = byte_length(forward.text)
        if batch and (len(batch) == ENTRIES_MAX or size + length > ENTRIES_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(forward)
        size += length
    if batch:
        yield batch
