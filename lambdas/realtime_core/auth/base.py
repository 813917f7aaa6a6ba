"""Authentication: revocations, and the ports of their store and of the keys that verify tokens."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from realtime_core.auth.tokens import PublicKey

Refusal = Literal["blocked", "revoked"]

BLOCKED_BEFORE = 253_402_300_799
"""`before` of a block: it covers tokens of any time. The last second of the year 9999."""


class RevocationPlace(NamedTuple):
    """A place in the order of the times of revocation, from which a later reader goes on."""

    revoked_at: int
    subject: str


class Revocation(NamedTuple):
    """Revokes all tokens of a user issued up to `before`, or only the token whose `jti` is `token_id`.

    One that `blocks` covers every token of the user, also those issued later, until it is lifted.
    """

    user_id: str
    before: int
    """Epoch seconds by the issuer's clock, inclusive. To revoke what was issued until now, add the leeway."""
    revoked_at: int
    """When the revocation was made, epoch seconds."""
    token_id: str | None = None
    blocks: bool = False

    @property
    def subject(self) -> str:
        """What is revoked: the key of the revocation."""
        if self.blocks:
            return f"b#{self.user_id}"
        return f"u#{self.user_id}" if self.token_id is None else f"j#{self.token_id}"

    @property
    def place(self) -> RevocationPlace:
        """The place of the revocation in the order of their times."""
        return RevocationPlace(self.revoked_at, self.subject)

    def covers(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether this revokes a token with these claims."""
        if self.token_id is not None:
            return self.token_id == token_id
        return self.user_id == user_id and issued_at <= self.before


def block(user_id: str, now: int) -> Revocation:
    """A block of a user, made at `now` (epoch seconds)."""
    return Revocation(user_id, BLOCKED_BEFORE, now, blocks=True)


def refusal_by(covering: Iterable[Revocation]) -> Refusal | None:
    """Why a token is refused that these revocations cover."""
    blocks = [item.blocks for item in covering]
    if not blocks:
        return None
    return "blocked" if any(blocks) else "revoked"


class Revocations(Protocol):
    """The tokens that are rejected although they have not expired."""

    def revoke(self, revocation: Revocation) -> None:
        """Store a revocation (one write); if a stored one already reaches further, that one stays."""

    def lift_block(self, user_id: str) -> bool:
        """Lift the block of a user (one write); False if there was none."""

    def blocks(self) -> Iterator[Revocation]:
        """The blocks in force, in the order of their times (a query for each MB of all revocations)."""

    def refusal(self, user_id: str, token_id: str | None, issued_at: int) -> Refusal | None:
        """Why a token with these claims is refused, or None if it is not (one consistent read)."""

    def recent(
        self, since: int, until: int, after: RevocationPlace | None = None
    ) -> Iterator[list[Revocation]]:
        """The revocations made from `since` to `until`, in order, page by page (one query a page).

        With `after`, only those behind this place, whose time is not outside. Eventually consistent.
        """


class IssuerKeys(Protocol):
    """The public keys of the token issuer."""

    def public_keys(self, key_id: str | None, algorithm: str, now: float) -> Sequence[PublicKey]:
        """The keys of this algorithm that may verify a token: those with its `kid`, or all if it has none.

        Empty if the issuer has no key with this `kid`. Raises StoreUnavailable if the keys could not be
        fetched.
        """


class SigningSecrets(Protocol):
    """The shared secrets that sign tokens."""

    def signing_keys(self, now: float) -> Sequence[str]:
        """The current secrets, newest first; cached for a few minutes."""
