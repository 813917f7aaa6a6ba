"""Decides who may connect: a valid token that is not revoked, of a user below the maximum of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import TokenRefused

if TYPE_CHECKING:
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.tokens import Identity
    from realtime_core.auth.verifier import TokenVerifier
    from realtime_core.connections.base import ConnectionCounts


class ConnectAuthorizer:
    """Authorizes handshakes."""

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
        """Return the identity of a token (two reads). Raises TokenRefused: 401 for a bad token, else 403.

        Connections are counted in an index that lags by some milliseconds and does not have pending
        handshakes: a user who opens many connections at the same moment may exceed the maximum by a few.
        """
        identity = self.verifier.identify(token, now)
        if self.revocations.is_revoked(identity.user_id, identity.token_id, identity.issued_at):
            raise TokenRefused(403, "revoked")
        if self.connections.count_of_user(identity.user_id, int(now)) >= self._max:
            raise TokenRefused(403, "too_many_connections")
        return identity
