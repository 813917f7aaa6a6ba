"""Forwarding: what `broadcast` hands to `forwarder` for the event buses of other Regions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

_BUS_ARN = re.compile(r"arn:[a-z-]+:events:(?P<region>[a-z0-9-]+):[0-9]{12}:event-bus/[A-Za-z0-9._/-]{1,256}")


class Forward(NamedTuple):
    """One event for one event bus."""

    bus_arn: str
    text: str
    """The event with its wrapping, as JSON: `wire.forwarded`."""


class Forwards(Protocol):
    """The queue from `broadcast` to `forwarder`."""

    def send(self, forwards: Sequence[Forward]) -> None:
        """Queue events for their buses. Raises StoreUnavailable unless all were queued."""


def bus_region(bus_arn: str) -> str:
    """Return the Region of an event bus. Raises ValueError for anything but the ARN of one."""
    if (match := _BUS_ARN.fullmatch(bus_arn)) is None:
        raise ValueError(f"{bus_arn[:300]!r} is not the ARN of an event bus")
    return match["region"]


def parse_bus_arns(text: str) -> tuple[str, ...]:
    """Return the ARNs of event buses in a text that separates them by commas. Raises ValueError."""
    arns = tuple(arn.strip() for arn in text.split(","))
    for arn in arns:
        bus_region(arn)
    return arns


def encode_forward(forward: Forward) -> str:
    """The body of a queue message: the bus, then the unchanged text, which as a field would be escaped."""
    return f"{forward.bus_arn}\n{forward.text}"


def decode_forward(body: str) -> Forward:
    """The content of a queue message. Raises ValueError if it is malformed."""
    bus_arn, newline, text = body.partition("\n")
    bus_region(bus_arn)
    if not newline:
        raise ValueError("there is no event after the event bus")
    return Forward(bus_arn, text)
