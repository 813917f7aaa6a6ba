"""The client's limits and times, with their defaults. All times are seconds."""

from __future__ import annotations

from dataclasses import dataclass, fields

from deals_client.errors import ConfigurationError

_IDLE_MAX = 540.0
"""Outside limit: API Gateway closes a connection that was idle for ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Limits and times of a client. Raises ConfigurationError for one that is out of range."""

    open_timeout: float = 10.0
    """A handshake and its first reply."""
    attempt_timeout: float = 10.0
    """One try of a request; then it is sent again, with the same id."""
    request_timeout: float = 30.0
    """All tries of a request, also while there is no connection."""
    token_timeout: float = 10.0
    """One call of `get_token`."""

    ping_after: float | None = 60.0
    """Without a frame, a ping asks whether the connection lives. None: `keepAlive` only keeps it open."""
    ping_timeout: float = 10.0
    keep_alive_after: float = 480.0
    """Without a frame either way, where `ping_after` is None."""

    backoff_base: float = 2.0
    backoff_cap: float = 30.0
    backoff_cap_later: float = 120.0
    """From the eighth failure in a row on."""
    backoff_stable: float = 10.0
    """A connection that lasted so long ends a row of failures."""
    max_age: float | None = None
    """After so long the client moves to a new connection by itself. None: drawn from 117 to 119 minutes."""

    queue_requests: int = 100
    """Requests that may wait for a connection."""
    queue_bytes: int = 256 * 1024
    buffer: int = 1_000
    """Events that wait for a subscription's reader."""
    seen: int = 2_000
    """Ids by which a subscription drops repeats."""
    max_replay: int = 5_000
    """Events that a subscription catches up on; beyond them it reports a gap."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and (isinstance(value, bool) or not value > 0):
                raise ConfigurationError(f"{field.name}: must be a number above 0, not {value!r}")
        for name in ("ping_after", "keep_alive_after"):
            value = getattr(self, name)
            if value is not None and value > _IDLE_MAX:
                raise ConfigurationError(
                    f"{name}: must be at most {_IDLE_MAX:.0f} s; API Gateway closes idle connections at 600"
                )
