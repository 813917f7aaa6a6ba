"""What was taken back before it ran out: one token, or all that a user had."""

from typing import NamedTuple


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
