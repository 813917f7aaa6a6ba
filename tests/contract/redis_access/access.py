"""The rules of redis_access.yaml as `ACL SETUSER` takes them; Terraform gives ElastiCache the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    import redis

_FILE = Path(__file__).parents[3] / "terraform/stacks/deals-websocket/redis_access.yaml"
_ACCESS = yaml.safe_load(_FILE.read_text())

USERS = tuple(_ACCESS)


def acl_rules(user: str) -> list[str]:
    """The rules of a user's access string, without a password."""
    access = _ACCESS[user]
    return [
        "on",
        *(pattern if pattern.startswith("%") else f"~{pattern}" for pattern in access["keys"]),
        "resetchannels",
        *(f"&{pattern}" for pattern in access["channels"]),
        "-@all",
        *(f"+{command}" for command in access["commands"]),
    ]


def create_user(operator: redis.Redis, user: str, password: str) -> str | None:
    """Create a user with the rights that Terraform grants. Returns its name; None on Redis before 7."""
    if int(operator.info("server")["redis_version"].split(".")[0]) < 7:
        return None
    operator.execute_command("ACL", "SETUSER", user, "reset", *acl_rules(user), f">{password}")
    return user
