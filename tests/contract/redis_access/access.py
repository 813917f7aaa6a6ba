"""The rules of redis_access.yaml as `ACL SETUSER` takes them, which is what Terraform gives ElastiCache."""

from pathlib import Path

import yaml

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
