"""May they connect: a good token, not revoked, of a user who has not too many connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import TokenRefused

if TYPE_CHECKING:
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.tokens import Identity
    from realtime_core.auth.verifier import TokenVerifier
    from realtime_core.connections.base import ConnectionCounts


class ConnectAuthorizer:
    """Decides on handshakes."""

    def __init__(
        self,
        verifier: TokenVerifier,
        revocations: Revocations,
        connections: ConnectionCounts,
        max_connections_per_user: int,
    ) -> None:
        self.connections = connections
        self.verifier = verifier
        self.revocations = revocations
        self._max = max_connections_per_user

    def authorize(self, token: str, now: float) -> Identity:
        """Who may connect (two reads). Raises TokenRefused: 401 for a bad token, 403 for the rest.

        The count is of an index, which lags by some milliseconds, and knows nothing of handshakes that are
        under way: users who open many connections in the same moment may get a few more than the maximum.
        """
        identity = self.verifier.identify(token, now)
        if self.revocations.is_revoked(identity.user_id, identity.token_id, identity.issued_at):
            raise TokenRefused(403, "revoked")
        if self.connections.count_of_user(identity.user_id, int(now)) >= self._max:
            raise TokenRefused(403, "too_many_connections")
        return identity
