"""How long everything takes, in seconds; tests use shorter ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Times:
    """Of one invocation."""

    relay: float = 840
    """How long it relays, unless a successor comes before."""
    handover: float = 90
    """How long before its end a successor may come: the schedule starts one each minute."""
    drain: float = 45
    """What it may take to finish after that."""
    lease: float = 15
    """When the lease of one that died runs out."""
    renew: float = 4
    stream_keep: float = 300
    """How long entries stay that every group is done with."""
    claim_idle: float = 60
    """Entries that nobody settled for so long are taken over: longer than `broadcast` may take."""
    consumer_idle: float = 120
    tend: float = 5
    """Between two looks at what is to be claimed and trimmed."""
    retry_base: float = 0.2
    retry_cap: float = 10
    """Between two tries of an entry: at first, and at most."""
    metrics: float = 15
    reconnect_cap: float = 5
