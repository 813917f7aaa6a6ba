"""Decides who may connect: a valid token that is not revoked, of a user below the maximum of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import TokenRefused

if TYPE_CHECKING:
    from authorizer.connection_limit import ConnectionLimit
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.tokens import Identity
    from realtime_core.auth.verifier import TokenVerifier


class ConnectAuthorizer:
    """Authorizes handshakes."""

    def __init__(
        self,
        verifier: TokenVerifier,
        revocations: Revocations,
        limit: ConnectionLimit,
    ) -> None:
        self.verifier = verifier
        self.revocations = revocations
        self.limit = limit

    def authorize(self, token: str, now: float) -> Identity:
        """Return the identity of a token (two reads). Raises TokenRefused: 401 for a bad token, else 403."""
        identity = self.verifier.identify(token, now)
        if self.revocations.is_revoked(identity.user_id, identity.token_id, identity.issued_at):
            raise TokenRefused(403, "revoked")
        if not self.limit.admits(identity.user_id, int(now)):
            raise TokenRefused(403, "too_many_connections")
        return identity
