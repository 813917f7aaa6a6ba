"""Settings of a local cloud, as its starter passes them to its process."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 4566
_DIGITS_MAX = 15
PORT_MAX = 65_535
# Written into the state folder when the cloud is ready, and removed when it ends.
STATE_FILE = "cloud.json"
# What a control call that changes something must send: no page of another origin can (gateway/guard.py).
CONTROL_HEADER = "X-Local-Cloud"
CONTROL_CONTENT_TYPE = "application/json"

_EMULATOR_PYTHON = REPOSITORY / ".tools" / "ministack" / "bin" / "python"


class CloudFailed(Exception):
    """The local cloud cannot do what was requested; the message names the remedy."""


def find_python() -> Path:
    """Return the emulator's Python: `.tools/ministack` or LOCAL_CLOUD_EMULATOR_PYTHON. Raises CloudFailed."""
    python = Path(os.environ.get("LOCAL_CLOUD_EMULATOR_PYTHON", _EMULATOR_PYTHON))
    if not python.exists():
        raise CloudFailed(f"the emulator is not installed ({python} is missing): run `make setup`")
    return python


def find_port(chosen: str | None = None) -> int:
    """Return the proxy's port: the chosen one, else LOCAL_CLOUD_PORT, else 4566. Raises CloudFailed."""
    named = "--port" if chosen is not None else "LOCAL_CLOUD_PORT"
    text = chosen if chosen is not None else os.environ.get("LOCAL_CLOUD_PORT", str(DEFAULT_PORT))
    port = parse_digits(text)
    if port is None or port > PORT_MAX:
        raise CloudFailed(
            f"{named}: {text!r:.100} is no port; give a number from 0 (any free one) to {PORT_MAX}"
        )
    return port


def parse_digits(text: str) -> int | None:
    """Return the number of up to 15 digits of ASCII; None for any other text.

    `int` alone takes digits of any script, and fails on thousands of them.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else None


@dataclass(frozen=True, slots=True)
class Settings:
    """`port` 0 takes a free one; a `tied` cloud ends with the process that holds its standard input.

    A `fresh` cloud begins without the emulator's saved state, and a `passing` one leaves none of its own.

    `redis` is the server that stands for ElastiCache (`HOST:PORT`, empty for none), reached
    through a tunnel on `redis_port`. With `redis_server` the cloud runs a server itself.
    `limits` replace AWS's, by their names in `local_cloud.limits.settings`.
    """

    state: str
    port: int
    region: str
    persist: bool
    tied: bool
    fresh: bool = False
    passing: bool = False
    redis: str = ""
    redis_port: int = 0
    redis_server: bool = False
    emulator_env: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int | bool | None] = field(default_factory=dict)

    def to_json(self) -> str:
        """Serialize for the command line of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))
