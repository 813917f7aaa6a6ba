"""Decides who may come in: a valid token that is not revoked, of a user who is not blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import TokenRefused
from realtime_core.telemetry.logs import bind

if TYPE_CHECKING:
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.tokens import Identity
    from realtime_core.auth.verifier import TokenVerifier


class TokenAuthorizer:
    """Authorizes handshakes, or requests of publishers: its verifier asks for the scope of one of them."""

    def __init__(self, verifier: TokenVerifier, revocations: Revocations) -> None:
        self.verifier = verifier
        self.revocations = revocations

    def authorize(self, token: str, now: float) -> Identity:
        """Return the identity of a token (one read).

        Raises TokenRefused: 401 where another token may help, 403 where none does.
        """
        identity = self.verifier.identify(token, now)
        bind(userId=identity.user_id)
        match self.revocations.refusal(identity.user_id, identity.token_id, identity.issued_at):
            case "blocked":
                raise TokenRefused(403, "blocked")
            case "revoked":
                raise TokenRefused(401, "revoked")
        return identity
