"""Authentication: revocations, and the ports of their store and of the keys that prove tokens."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from realtime_core.auth.tokens import PublicKey


class Revocation(NamedTuple):
    """All tokens of a user that were issued up to `before`, or the one whose `jti` is `token_id`."""

    user_id: str
    before: int
    """Epoch seconds, itself included: a token of the very second of the revocation is refused, to be safe."""
    revoked_at: int
    """When it was said, epoch seconds."""
    token_id: str | None = None

    def covers(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether a token, told by its claims, is revoked by this."""
        if self.token_id is not None:
            return self.token_id == token_id
        return self.user_id == user_id and issued_at <= self.before


class Revocations(Protocol):
    """Which tokens may not be used any more, though they have not run out."""

    def revoke(self, revocation: Revocation) -> None:
        """Keep a revocation (one write); one that reaches less far than what is kept changes nothing."""

    def is_revoked(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether a token, told by its claims, is covered by a revocation (one consistent read)."""

    def recent(self, since: int) -> list[Revocation]:
        """What was revoked since a moment, it included, in order (one query a page; may lag by a moment)."""


class IssuerKeys(Protocol):
    """The public keys of whoever issues the tokens."""

    def public_keys(self, key_id: str | None, algorithm: str, now: float) -> Sequence[PublicKey]:
        """The keys that may have signed a token of this `kid` (any, where it has none) and algorithm.

        None at all for a `kid` that the issuer does not know. Raises StoreUnavailable where its keys were
        never to be had.
        """


class Secrets(Protocol):
    """The signing keys."""

    def signing_keys(self, now: float) -> Sequence[str]:
        """The secrets that may have signed a token, newest first, kept for a few minutes."""
