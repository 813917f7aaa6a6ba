"""The commands: each module registers its own, and has a function that does it and returns an Answer."""

from __future__ import annotations

from deals_ops.commands import (
    connections,
    dlq,
    index,
    kick,
    notify,
    publish,
    revoke,
    status,
    tail,
    token,
    who,
)

ALL = (status, connections, who, kick, revoke, publish, notify, tail, token, dlq, index)
