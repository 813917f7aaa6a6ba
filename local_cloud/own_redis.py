"""The Redis that a local cloud runs beside itself: where it is, and what its clients need."""

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
    """How clients reach it: by a relay that can be paused and cut. The password is in a file of its own."""

    url: str
    port: int
    description: str
    password_file: Path
    authorities: Path | None
    """By which its certificate is verified; None without TLS."""

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self.authorities is not None

    def options(self) -> dict[str, Any]:
        """The keyword arguments for redis-py's `from_url`, besides the URL."""
        trusted = {"ssl_ca_certs": str(self.authorities)} if self.authorities else {}
        return {"password": self.password_file.read_text(), **trusted}

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> RedisAccess | None:
        """That of a cloud, by what `cloud.json` says; None where it runs none."""
        if (told := about.get("redis_server")) is None:
            return None
        authorities = Path(told["authorities"]) if told["authorities"] else None
        return cls(told["url"], told["port"], told["description"], Path(told["password_file"]), authorities)


def start(folder: Path) -> RedisServer:
    """Start the server of a cloud; the password is made once and stays in the folder. Raises CloudFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _PASSWORD
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))
    server = RedisServer.start(folder, password=file.read_text())
    if server.authorities:
        (folder / _BUNDLE).write_bytes(_system_authorities() + server.authorities.read_bytes())
    return server


def emulator_env(server: RedisServer) -> dict[str, str]:
    """What functions need to verify it: AWS_CA_BUNDLE, with the system's authorities in it too."""
    return {"AWS_CA_BUNDLE": str(server.folder / _BUNDLE)} if server.authorities else {}


def told(server: RedisServer, port: int) -> dict[str, Any]:
    """What `cloud.json` says of a server that is reached on a port; `RedisAccess.of` reads it."""
    return {
        "url": f"{'rediss' if server.authorities else 'redis'}://{HOST}:{port}",
        "port": port,
        "description": server.description,
        "password_file": str(server.folder / _PASSWORD),
        "authorities": str(server.authorities) if server.authorities else None,
    }


def _system_authorities() -> bytes:
    with suppress(OSError, TypeError):
        return Path(str(ssl.get_default_verify_paths().cafile)).read_bytes()
    return b""
