"""JSON Web Tokens: who may connect, by what a token says.

Who signed it is judged in `jws` and `public_keys`; here, what the claims say at a given time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from realtime_core.auth.jws import SignedToken, parse_token, proven_by_secret
from realtime_core.errors import SettingsInvalid, TokenRefused
from realtime_core.wire.fields import IDENTIFIER
from realtime_core.wire.strict_json import loads

SHARED_SECRET_ALGORITHM = "HS256"  # noqa: S105 - the name of an algorithm
SUPPORTED_ALGORITHMS = (SHARED_SECRET_ALGORITHM, "RS256", "ES256", "EdDSA")
REQUIRED_SCOPE = "websocket"
# The last second of the year 9999: a time beyond it is a mistake, and may not fit a store's number.
_TIME_MAX = 253_402_300_799
# It becomes part of a table's key, and outside limit: DynamoDB takes 2,048 bytes.
TOKEN_ID_CHARS_MAX = 256


class TokenRules:
    """Which tokens this deployment accepts. Raises SettingsInvalid on an algorithm it does not support."""

    __slots__ = ("algorithms", "audience", "issuer", "leeway_seconds")

    def __init__(
        self,
        algorithms: tuple[str, ...] = (SHARED_SECRET_ALGORITHM,),
        issuer: str | None = None,
        audience: str | None = None,
        leeway_seconds: int = 30,
    ) -> None:
        if not algorithms or not set(algorithms) <= set(SUPPORTED_ALGORITHMS):
            known = ", ".join(SUPPORTED_ALGORITHMS)
            raise SettingsInvalid(f"JWT algorithms must be some of {known}, not {list(algorithms)}")
        self.algorithms = algorithms
        self.issuer = issuer
        self.audience = audience
        self.leeway_seconds = leeway_seconds


class PublicKey(Protocol):
    """A key that anyone may know; it verifies one algorithm and no other."""

    @property
    def key_id(self) -> str | None:
        """What tokens call it in `kid`."""

    @property
    def algorithm(self) -> str:
        """RS256, ES256 or EdDSA."""

    def proves(self, signed: bytes, signature: bytes) -> bool:
        """Whether its owner signed this."""


class Identity(NamedTuple):
    """Whom a good token names. Times are whole epoch seconds."""

    user_id: str
    token_exp: int
    issued_at: int
    token_id: str | None


def verify(token: str, keys: Sequence[str | PublicKey], rules: TokenRules, now: float) -> Identity:
    """Judge a token by its signature first and then by its claims, at the time `now` (epoch seconds).

    `keys` are shared secrets (strings, for HS256 alone) and public keys, each for its own algorithm alone.
    Raises TokenRefused: 401 for a token that is not valid, 403 for a valid one whose scope does not allow to
    connect. Raises SettingsInvalid where a secret of ours is too short to be trusted, or there is none.
    """
    told = parse_token(token)
    if told.algorithm not in rules.algorithms:
        raise TokenRefused(401, "algorithm")
    if not _proven(told, keys):
        raise TokenRefused(401, "signature")
    claims = _claims(told.payload)
    expires, issued = _validity(claims, rules.leeway_seconds, now)
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise TokenRefused(401, "issuer")
    if rules.audience is not None and rules.audience not in _words(claims.get("aud"), split=False):
        raise TokenRefused(401, "audience")
    user_id, token_id = claims.get("sub"), claims.get("jti")
    if not isinstance(user_id, str) or not IDENTIFIER.fullmatch(user_id):
        raise TokenRefused(401, "subject")
    if token_id is not None and not (isinstance(token_id, str) and 0 < len(token_id) <= TOKEN_ID_CHARS_MAX):
        raise TokenRefused(401, "malformed")
    if REQUIRED_SCOPE not in _words(claims.get("scope"), split=True):
        raise TokenRefused(403, "scope")
    return Identity(user_id, int(expires), int(issued), token_id)


def _validity(claims: dict[str, Any], leeway: int, now: float) -> tuple[float, float]:
    """When the token runs out and was issued, where it is valid now, by clocks that differ by the leeway."""
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if expires <= now - leeway:
        raise TokenRefused(401, "expired")
    if issued > now + leeway:
        raise TokenRefused(401, "issued_in_future")
    if "nbf" in claims and _time(claims, "nbf") > now + leeway:
        raise TokenRefused(401, "not_yet_valid")
    return expires, issued


def _proven(told: SignedToken, keys: Sequence[str | PublicKey]) -> bool:
    if told.algorithm == SHARED_SECRET_ALGORITHM:
        return proven_by_secret(told, [key for key in keys if isinstance(key, str)])
    fitting = [key for key in keys if not isinstance(key, str) and key.algorithm == told.algorithm]
    return any(key.proves(told.signed, told.signature) for key in fitting)


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = loads(payload)
    except ValueError as error:
        raise TokenRefused(401, "malformed") from error
    if not isinstance(claims, dict):
        raise TokenRefused(401, "malformed")
    return claims


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # Written so that NaN fails too.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _TIME_MAX:
        return value
    raise TokenRefused(401, "malformed")


def _words(claim: Any, *, split: bool) -> list[str]:
    """A claim that is one string or a list of strings, as a list."""
    if isinstance(claim, str):
        return claim.split() if split else [claim]
    return [word for word in claim if isinstance(word, str)] if isinstance(claim, list) else []
