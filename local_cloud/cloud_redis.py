"""The Redis that a local cloud runs beside itself: its address, and what clients need to connect."""

from __future__ import annotations

import secrets
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_cloud.redis import RedisServer
from local_cloud.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSWORD, _BUNDLE = "password", "authorities.pem"


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """How clients reach Redis: through a tunnel that can be paused and cut, with the password in a file."""

    url: str
    port: int
    description: str
    password_file: Path
    authorities: Path | None
    """The certificates that verify the server; None without TLS."""

    @property
    def tls(self) -> bool:
        """Whether the server speaks TLS."""
        return self.authorities is not None

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments for redis-py's `from_url`, besides the URL."""
        trusted = {"ssl_ca_certs": str(self.authorities)} if self.authorities else {}
        return {"password": self.password_file.read_text(), **trusted}

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> RedisAccess | None:
        """Read the access from the contents of `cloud.json`; None when the cloud runs no Redis."""
        if (server := about.get("redis_server")) is None:
            return None
        authorities = Path(server["authorities"]) if server["authorities"] else None
        password_file = Path(server["password_file"])
        return cls(server["url"], server["port"], server["description"], password_file, authorities)


def start(folder: Path) -> RedisServer:
    """Start the server of a cloud; its password is created once and stays in `folder`. Raises CloudFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _PASSWORD
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))
    server = RedisServer.start(folder, password=file.read_text())
    if server.authorities:
        (folder / _BUNDLE).write_bytes(_read_system_authorities() + server.authorities.read_bytes())
    return server


def build_emulator_env(server: RedisServer) -> dict[str, str]:
    """Return AWS_CA_BUNDLE, with which functions verify the server, or nothing without TLS.

    The bundle holds the system's authorities as well, since it replaces them.
    """
    return {"AWS_CA_BUNDLE": str(server.folder / _BUNDLE)} if server.authorities else {}


def describe(server: RedisServer, port: int) -> dict[str, Any]:
    """Return what `cloud.json` says about a server behind the tunnel's port; `RedisAccess.of` reads it."""
    return {
        "url": f"{'rediss' if server.authorities else 'redis'}://{HOST}:{port}",
        "port": port,
        "description": server.description,
        "password_file": str(server.folder / _PASSWORD),
        "authorities": str(server.authorities) if server.authorities else None,
    }


def _read_system_authorities() -> bytes:
    with suppress(OSError, TypeError):
        return Path(str(ssl.get_default_verify_paths().cafile)).read_bytes()
    return b""
