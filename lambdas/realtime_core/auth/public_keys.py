"""Public keys of a token issuer, from its key set (RFC 7517): the one module that loads PyJWT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jwt.algorithms import Algorithm
from jwt.api_jwk import PyJWK
from jwt.exceptions import PyJWTError

from realtime_core.wire.strict_json import loads

# By algorithm, the only kind of key that it is used with: its type and curve. Shared secrets (`oct`) have no
# place in a key set that everybody can read.
KINDS = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
# RFC 7518, 3.3.
RSA_BITS_MIN = 2048


@dataclass(frozen=True, slots=True)
class JwksKey:
    """A key of a set that verifies signatures of one algorithm, and of no other."""

    key_id: str | None
    algorithm: str
    _verifier: Algorithm
    _key: Any

    def proves(self, signed: bytes, signature: bytes) -> bool:
        """Whether this key's owner signed it."""
        return self._verifier.verify(signed, self._key, signature)


def parse_key_set(text: bytes) -> tuple[JwksKey, ...]:
    """The keys of a set that are meant for signatures that we know. Raises ValueError where there is none.

    What else is in a set is left out, as RFC 7517, 5, asks: other types and algorithms, keys for encryption.
    """
    try:
        document = loads(text)
    except ValueError as error:
        raise ValueError("it is not JSON") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it has no list `keys`")  # noqa: TRY004 - of what somebody sent, not of our types
    found = tuple(key for entry in entries if (key := _key(entry)) is not None)
    if not found:
        raise ValueError(f"none of its keys is for signatures by {', '.join(KINDS)}")
    return found


def _key(entry: Any) -> JwksKey | None:
    algorithm = _algorithm(entry) if isinstance(entry, dict) else None
    if algorithm is None:
        return None
    try:
        parsed = PyJWK(entry, algorithm)
    # PyJWT lets through what cryptography and its own unpacking raise for a key that is broken.
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if algorithm == "RS256" and parsed.key.key_size < RSA_BITS_MIN:
        return None
    return JwksKey(entry.get("kid"), algorithm, parsed.Algorithm, parsed.key)


def _algorithm(entry: dict[str, Any]) -> str | None:
    """What a key verifies, by its kind and what it says of itself; None where that is nothing of ours."""
    kind = entry.get("kty"), entry.get("crv")
    algorithm = next((name for name, its_kind in KINDS.items() if its_kind == kind), None)
    key_id, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    usable = (
        entry.get("alg", algorithm) == algorithm
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and (key_id is None or isinstance(key_id, str))
        # A set holds public keys; whoever put a private one there has published it.
        and "d" not in entry
    )
    return algorithm if usable else None
