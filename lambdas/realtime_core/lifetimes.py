"""How long things last, in seconds; apart from the values they are about, which not every function needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


CONNECTION_LIFETIME_SECONDS = 2 * 60 * 60
"""Outside limit: API Gateway cuts every WebSocket connection after two hours."""

CLOSE_AFTER_SECONDS = 60
"""How long a connection stays open after its token has run out, for the client to refresh it."""

DAY_SECONDS = 24 * 60 * 60

REVOCATION_LIFETIME_SECONDS = 400 * DAY_SECONDS
"""How long a revocation is kept. A token that outlived it would work again; none should live that long."""

REPEAT_LIFETIME_SECONDS = 24 * 60 * 60
"""How long a request id stands for what was stored the first time."""
