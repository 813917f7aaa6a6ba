"""JSON Web Tokens: which claims allow a user to connect at a given time.

Signatures are verified in `jws` and `public_keys`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from realtime_core.auth.jws import SignedToken, parse_token, verify_hmac
from realtime_core.auth.permissions import UNRESTRICTED, Permissions, read_permissions
from realtime_core.errors import SettingsInvalid, TokenRefused
from realtime_core.wire.fields import IDENTIFIER
from realtime_core.wire.strict_json import loads_unambiguous

SHARED_SECRET_ALGORITHM = "HS256"  # noqa: S105 - the name of an algorithm
SUPPORTED_ALGORITHMS = (SHARED_SECRET_ALGORITHM, "RS256", "ES256", "EdDSA")
REQUIRED_SCOPE = "websocket"
PUBLISH_SCOPE = "publish"
LEEWAY_SECONDS = 30
"""How far clocks may differ, by default."""
# The last second of the year 9999: a later time is a mistake, and may not fit a number of the store.
_TIME_MAX = 253_402_300_799
# It becomes part of a table's key. Outside limit: DynamoDB keys have at most 2,048 bytes.
TOKEN_ID_CHARS_MAX = 256


class ClaimNames(NamedTuple):
    """In which claims an issuer puts what the service reads."""

    user_id: str = "sub"
    scope: str = "scope"
    audience: str = "aud"
    topics: str = "topics"
    recipients: str = "recipients"


STANDARD_CLAIMS = ClaimNames()


class TokenRules:
    """Which tokens this deployment accepts. Raises SettingsInvalid for an unsupported algorithm."""

    __slots__ = ("algorithms", "audience", "claims", "issuer", "leeway_seconds", "scope")

    def __init__(
        self,
        algorithms: tuple[str, ...] = (SHARED_SECRET_ALGORITHM,),
        issuer: str | None = None,
        audience: str | None = None,
        leeway_seconds: int = LEEWAY_SECONDS,
        *,
        scope: str = REQUIRED_SCOPE,
        claims: ClaimNames = STANDARD_CLAIMS,
    ) -> None:
        if not algorithms or not set(algorithms) <= set(SUPPORTED_ALGORITHMS):
            known = ", ".join(SUPPORTED_ALGORITHMS)
            raise SettingsInvalid(f"JWT algorithms must be some of {known}, not {list(algorithms)}")
        self.algorithms = algorithms
        self.issuer = issuer
        self.audience = audience
        self.leeway_seconds = leeway_seconds
        self.scope = scope
        self.claims = claims

    def with_scope(self, scope: str) -> "TokenRules":
        """The same rules for tokens of another scope."""
        return TokenRules(
            self.algorithms,
            self.issuer,
            self.audience,
            self.leeway_seconds,
            scope=scope,
            claims=self.claims,
        )


class PublicKey(Protocol):
    """A public key; it verifies signatures of one algorithm only."""

    @property
    def key_id(self) -> str | None:
        """The `kid` of tokens that it signed."""

    @property
    def algorithm(self) -> str:
        """RS256, ES256 or EdDSA."""

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature over `signed` is valid."""


class Identity(NamedTuple):
    """The user, the times and the permissions of a valid token. Times are whole epoch seconds."""

    user_id: str
    token_exp: int
    issued_at: int
    token_id: str | None
    permissions: Permissions = UNRESTRICTED


def verify(token: str, keys: Sequence[str | PublicKey], rules: TokenRules, now: float) -> Identity:
    """Verify a token's signature, then its claims, at the time `now` (epoch seconds).

    `keys` are shared secrets (strings, used for HS256 only) and public keys (each used for its own algorithm
    only). Raises TokenRefused: 401 for an invalid token, 403 for a valid one without the required
    scope, or with permissions that are not understood. Raises SettingsInvalid if a shared secret is too
    short, or if there is none.
    """
    signed_token = parse_token(token)
    if signed_token.algorithm not in rules.algorithms:
        raise TokenRefused(401, "algorithm")
    if not _has_valid_signature(signed_token, keys):
        raise TokenRefused(401, "signature")

    claims, names = _claims(signed_token.payload), rules.claims
    expires, issued = _validity(claims, rules.leeway_seconds, now)
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise TokenRefused(401, "issuer")
    if rules.audience is not None and rules.audience not in _words(claims.get(names.audience), split=False):
        raise TokenRefused(401, "audience")

    user_id, token_id = claims.get(names.user_id), claims.get("jti")
    if not isinstance(user_id, str) or not IDENTIFIER.fullmatch(user_id):
        raise TokenRefused(401, "subject")
    if token_id is not None and not (isinstance(token_id, str) and 0 < len(token_id) <= TOKEN_ID_CHARS_MAX):
        raise TokenRefused(401, "malformed")
    if rules.scope not in _words(claims.get(names.scope), split=True):
        raise TokenRefused(403, "scope")
    permissions = read_permissions(claims, names.topics, names.recipients)
    return Identity(user_id, expires, issued, token_id, permissions)


def is_expired(token_exp: int, leeway: int, now: float) -> bool:
    """Whether a token has expired, at the handshake and on every action alike; times are epoch seconds."""
    return token_exp <= now - leeway


def _validity(claims: dict[str, Any], leeway: int, now: float) -> tuple[int, int]:
    """The times of expiry and issue. Raises TokenRefused unless the token is valid now, within the leeway."""
    expires, issued = int(_time(claims, "exp")), int(_time(claims, "iat"))
    if is_expired(expires, leeway, now):
        raise TokenRefused(401, "expired")
    if issued > now + leeway:
        raise TokenRefused(401, "issued_in_future")
    if "nbf" in claims and _time(claims, "nbf") > now + leeway:
        raise TokenRefused(401, "not_yet_valid")
    return expires, issued


def _has_valid_signature(token: SignedToken, keys: Sequence[str | PublicKey]) -> bool:
    if token.algorithm == SHARED_SECRET_ALGORITHM:
        return verify_hmac(token, [key for key in keys if isinstance(key, str)])
    public_keys = [key for key in keys if not isinstance(key, str) and key.algorithm == token.algorithm]
    return any(key.verify(token.signed, token.signature) for key in public_keys)


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = loads_unambiguous(payload)
    except ValueError as error:
        raise TokenRefused(401, "malformed") from error
    if not isinstance(claims, dict):
        raise TokenRefused(401, "malformed")
    return claims


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # NaN fails this comparison too.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _TIME_MAX:
        return value
    raise TokenRefused(401, "malformed")


def _words(claim: Any, *, split: bool) -> list[str]:
    """The strings of a claim that is a string or a list of strings."""
    if isinstance(claim, str):
        return claim.split() if split else [claim]
    return [word for word in claim if isinstance(word, str)] if isinstance(claim, list) else []
