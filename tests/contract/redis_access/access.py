"""The rules of redis_access.yaml as `ACL SETUSER` takes them, which is what Terraform gives ElastiCache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    import redis

_FILE = Path(__file__).parents[3] / "terraform/stacks/deals-websocket/redis_access.yaml"
_ACCESS = yaml.safe_load(_FILE.read_text())

USERS = tuple(_ACCESS)


def rules(user: str) -> list[str]:
    """The words of a user's access string, without a password."""
    access = _ACCESS[user]
    return [
        "on",
        *(pattern if pattern.startswith("%") else f"~{pattern}" for pattern in access["keys"]),
        "resetchannels",
        *(f"&{pattern}" for pattern in access["channels"]),
        "-@all",
        *(f"+{command}" for command in access["commands"]),
    ]


def admitted(operator: redis.Redis, user: str, password: str) -> str | None:
    """The user, who may now do what Terraform lets it; None where Redis is too old to tell users apart."""
    if int(operator.info("server")["redis_version"].split(".")[0]) < 7:
        return None
    operator.execute_command("ACL", "SETUSER", user, "reset", *rules(user), f">{password}")
    return user
