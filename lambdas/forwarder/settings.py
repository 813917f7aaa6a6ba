"""Settings of the forwarder function, from its environment."""

from __future__ import annotations

from realtime_core.forwarding.base import parse_bus_arns
from realtime_core.settings import LoggingSettings, parsed


class Settings(LoggingSettings):
    """See `realtime_core.settings.read`."""

    forward_events_to: tuple[str, ...] = parsed(parse_bus_arns, "ARNs of event buses, separated by commas")
    """The event buses of other Regions, to connect ahead; each message of the queue names its own."""
