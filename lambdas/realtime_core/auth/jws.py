"""Signed tokens in their compact form (RFC 7515): taken apart, and proven by a shared secret.

This needs nothing beyond the standard library. What public keys sign is judged in `public_keys`, which loads
PyJWT and cryptography: three times the cold start of all the rest.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from realtime_core.errors import SettingsInvalid, TokenRefused
from realtime_core.wire.strict_json import loads

# RFC 7518, 3.2: a key for HS256 has at least as many bits as the hash.
SECRET_BYTES_MIN = 32
# More than fits a header or a query string of API Gateway.
TOKEN_CHARS_MAX = 8 * 1024

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_PARTS = 3


class SignedToken(NamedTuple):
    """A token taken apart. Nothing in it is proven yet."""

    algorithm: Any
    """`alg` of the header, whatever it is: to be compared with what is accepted, and not to be trusted."""
    key_id: str | None
    payload: bytes
    signed: bytes
    """What the signature is over."""
    signature: bytes


def parse_token(token: str) -> SignedToken:
    """Take a token apart. Raises TokenRefused (401) for what is none, or needs what we do not know."""
    if len(token) > TOKEN_CHARS_MAX or not token.isascii():
        raise TokenRefused(401, "malformed")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise TokenRefused(401, "malformed")
    raw, payload, signature = map(_bytes, parts)
    try:
        header = loads(raw)
    except ValueError as error:
        raise TokenRefused(401, "malformed") from error
    # RFC 7515, 4.1.11: what is critical and not understood makes the token invalid; we understand none of it.
    if not isinstance(header, dict) or "crit" in header:
        raise TokenRefused(401, "malformed")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenRefused(401, "malformed")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return SignedToken(header.get("alg"), key_id, payload, signed, signature)


def proven_by_secret(token: SignedToken, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets signed it (HS256). Raises SettingsInvalid where one is not fit for use."""
    if not secrets:
        raise SettingsInvalid("there is no key to verify tokens by; store at least one in the JWT secret")
    for secret in secrets:
        if len(secret.encode()) < SECRET_BYTES_MIN:
            raise SettingsInvalid(
                f"a JWT secret is shorter than {SECRET_BYTES_MIN} bytes; store a longer one"
            )
    # A public key that somebody stored as a secret is known to everybody: with it, anyone could sign.
    private = [secret for secret in secrets if not secret.lstrip().startswith(("-----BEGIN ", "ssh-"))]
    return any(
        hmac.compare_digest(hmac.digest(secret.encode(), token.signed, "sha256"), token.signature)
        for secret in private
    )


def _bytes(part: str) -> bytes:
    """A part's bytes, of the one text that stands for them: Python's decoder takes others too."""
    if not _BASE64URL.fullmatch(part) or len(part) % 4 == 1:
        raise TokenRefused(401, "malformed")
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise TokenRefused(401, "malformed")
    return decoded
