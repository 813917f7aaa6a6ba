"""Which ports of this machine a local cloud listens on."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_cloud.redis import find_program
from local_cloud.settings import HOST, PORT_MAX, CloudFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

STEP = 20
"""From one proxy's port to the next that is tried: room for the ports beside each."""
STEPS = 10
REDIS_TRIES = 9


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a cloud listens."""

    proxy: int
    redis: int | None
    """None for a cloud without Redis."""

    @classmethod
    def of(cls, proxy: int, *, redis: bool) -> Ports:
        """Return the proxy's port, and for Redis the next free one after it."""
        after = range(proxy + 1, proxy + 1 + REDIS_TRIES)
        return cls(proxy, choose_port(after) if redis else None)

    def are_free(self) -> bool:
        """Return whether nothing listens on any of the ports now."""
        return all(_find_free(port) is not None for port in (self.proxy, self.redis) if port is not None)

    def as_options(self) -> dict[str, Any]:
        """Return the ports as arguments of `LocalCloud.start`."""
        return {"port": self.proxy, "redis_server": self.redis is not None, "redis_port": self.redis or 0}

    def key_parts(self) -> tuple[str, ...]:
        """Return what of a cloud makes it another stack: whether it has Redis, and that TLS."""
        return () if self.redis is None else ("redis", f"tls={find_program().tls}")


def list_steady(port: int) -> range:
    """Return the ports to try in turn, so that run after run is found at the same address.

    Clouds that start at once would meet on the same one: for those, any free port is better.
    """
    return range(port, min(port + STEP * STEPS, PORT_MAX + 1), STEP)


def choose_port(candidates: Iterable[int]) -> int:
    """Return the first of the candidates on which nothing listens, else any free one. Raises CloudFailed."""
    for candidate in (*candidates, 0):
        if (port := _find_free(candidate)) is not None:
            return port
    remedy = "end what listens there, or choose one (LOCAL_CLOUD_PORT=…)"
    raise CloudFailed(f"no port on {HOST} is free: {remedy}")


def _find_free(port: int) -> int | None:
    """Return the port, or for 0 a free one; None where something listens on it."""
    if port > PORT_MAX:
        return None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
