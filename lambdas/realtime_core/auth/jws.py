"""Signed tokens in compact form (RFC 7515): parsing, and verification by a shared secret.

This module uses only the standard library. Signatures of public keys are verified in `public_keys`, which
loads PyJWT and cryptography and so triples the cold start.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from realtime_core.errors import SettingsInvalid, TokenRefused
from realtime_core.wire.strict_json import loads_unambiguous

# RFC 7518, 3.2: an HS256 key has at least as many bits as the hash.
SECRET_BYTES_MIN = 32
# More than fits into a header or query string of API Gateway.
TOKEN_CHARS_MAX = 8 * 1024

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_PARTS = 3

_TO_URL_LETTERS = str.maketrans("+/", "-_")
_PUBLIC_KEY_TEXT = re.compile(
    r'---- ?BEGIN |(?:^|\s)(?:sk-)?(?:ssh-(?:rsa|dss|ed)|ecdsa-sha2-)|"kty"\s*:\s*"(?:RSA|EC|OKP)"'
    # An RSA key without its kind (RFC 8017, A.1.1) in base64.
    r"|^\s*MII[BCDE][A-Za-z]gKC[AB]"
)
# The object identifiers of RSA and EC keys (RFC 3279), the start of an Ed25519 key (RFC 8410), SSH's names.
_PUBLIC_KEY_BYTES = (
    bytes.fromhex("2a864886f70d010101"),
    bytes.fromhex("2a8648ce3d0201"),
    bytes.fromhex("302a300506032b6570032100"),
    b"ssh-rsa",
    b"ssh-ed25519",
    b"ecdsa-sha2-",
)


class SignedToken(NamedTuple):
    """The parts of a token, not verified yet."""

    algorithm: Any
    """The header's `alg`, of any type: compare it with the accepted algorithms, never trust it."""
    key_id: str | None
    payload: bytes
    signed: bytes
    """The bytes that the signature covers."""
    signature: bytes


def parse_token(token: str) -> SignedToken:
    """Parse a token.

    Raises TokenRefused (401) if it is malformed, has critical header parameters, or is of another kind.
    """
    if len(token) > TOKEN_CHARS_MAX or not token.isascii():
        raise TokenRefused(401, "malformed")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise TokenRefused(401, "malformed")
    raw, payload, signature = map(_bytes, parts)
    try:
        header = loads_unambiguous(raw)
    except ValueError as error:
        raise TokenRefused(401, "malformed") from error
    # RFC 7515, 4.1.11: a critical parameter that is not understood makes the token invalid; none is here.
    # RFC 7797, 7: `b64`, by which a payload is not base64url, must not be used in a JWT.
    if not isinstance(header, dict) or "crit" in header or "b64" in header:
        raise TokenRefused(401, "malformed")
    key_id, kind = header.get("kid"), header.get("typ", "JWT")
    if not (key_id is None or isinstance(key_id, str)) or not isinstance(kind, str):
        raise TokenRefused(401, "malformed")
    if _is_of_another_kind(kind):
        raise TokenRefused(401, "type")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return SignedToken(header.get("alg"), key_id, payload, signed, signature)


def verify_hmac(token: SignedToken, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets signed the token (HS256). Raises SettingsInvalid if a secret is unusable."""
    if not secrets:
        raise SettingsInvalid("there is no key to verify tokens with; store at least one in the JWT secret")
    for secret in secrets:
        if len(secret.encode()) < SECRET_BYTES_MIN:
            raise SettingsInvalid(
                f"a JWT secret is shorter than {SECRET_BYTES_MIN} bytes; store a longer one"
            )
    # A public key that was stored as a secret by mistake is public: anyone could sign tokens with it.
    private = [secret for secret in secrets if not is_public_key(secret)]
    return any(
        hmac.compare_digest(hmac.digest(secret.encode(), token.signed, "sha256"), token.signature)
        for secret in private
    )


def _is_of_another_kind(kind: str) -> bool:
    """Whether a header's `typ` names a token for another purpose (RFC 8725, 3.11), such as `logout+jwt`.

    Issuers that say nothing of the purpose write `JWT` or nothing at all; RFC 9068 names access tokens.
    """
    name = kind.lower().removeprefix("application/")
    return name.endswith("+jwt") and name != "at+jwt"


@lru_cache(maxsize=8)  # few secrets verify many tokens
def is_public_key(secret: str) -> bool:
    """Whether a secret is a public key: in an armour, as SSH or a JWK writes it, or in bare base64."""
    if _PUBLIC_KEY_TEXT.search(secret):
        return True
    try:
        bare = "".join(secret.split()).rstrip("=").translate(_TO_URL_LETTERS)
        decoded = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return False
    return any(mark in decoded for mark in _PUBLIC_KEY_BYTES)


def _bytes(part: str) -> bytes:
    """Decode a part. Only the canonical base64url text is accepted; Python's decoder accepts others too."""
    if not _BASE64URL.fullmatch(part) or len(part) % 4 == 1:
        raise TokenRefused(401, "malformed")
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise TokenRefused(401, "malformed")
    return decoded
