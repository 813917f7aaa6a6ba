"""Public keys of a token issuer, parsed from its key set (RFC 7517). Only this module loads PyJWT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jwt.algorithms import Algorithm
from jwt.api_jwk import PyJWK
from jwt.exceptions import PyJWTError

from realtime_core.wire.strict_json import loads

# The key type and curve for each algorithm. Shared secrets (`oct`) do not belong in a public key set.
KEY_TYPES = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
# RFC 7518, 3.3.
RSA_BITS_MIN = 2048
# Outside limit: OpenSSL verifies with no longer one. The time for it grows with the square of the length.
RSA_BITS_MAX = 16_384


@dataclass(frozen=True, slots=True)
class JwksKey:
    """A key of a key set; it verifies signatures of one algorithm only."""

    key_id: str | None
    algorithm: str
    _verifier: Algorithm
    _key: Any

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature over `signed` is valid."""
        return self._verifier.verify(signed, self._key, signature)


def parse_key_set(text: bytes) -> tuple[JwksKey, ...]:
    """The keys of a set that verify a supported algorithm. Raises ValueError if there are none.

    As RFC 7517, 5, requires, other keys are ignored: unknown types and algorithms, keys for encryption.
    """
    try:
        document = loads(text)
    except ValueError as error:
        raise ValueError("not JSON") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no list `keys`")  # noqa: TRY004 - a problem of the response, not of a Python type
    keys = tuple(key for entry in entries if (key := _key(entry)) is not None)
    if not keys:
        raise ValueError(f"no keys for signatures by {', '.join(KEY_TYPES)}")
    return keys


def _key(entry: Any) -> JwksKey | None:
    algorithm = _algorithm(entry) if isinstance(entry, dict) else None
    if algorithm is None:
        return None
    try:
        parsed = PyJWK(entry, algorithm)
    # For a broken key, PyJWT does not wrap the errors of cryptography and of its own decoding.
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if algorithm == "RS256" and not RSA_BITS_MIN <= parsed.key.key_size <= RSA_BITS_MAX:
        return None
    return JwksKey(entry.get("kid"), algorithm, parsed.Algorithm, parsed.key)


def _algorithm(entry: dict[str, Any]) -> str | None:
    """The algorithm that a key verifies, by its type and parameters; None if it is not usable here."""
    key_type = entry.get("kty"), entry.get("crv")
    algorithm = next((name for name, expected in KEY_TYPES.items() if expected == key_type), None)
    key_id, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    usable = (
        entry.get("alg", algorithm) == algorithm
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and (key_id is None or isinstance(key_id, str))
        # A private key in a public key set is compromised.
        and "d" not in entry
    )
    return algorithm if usable else None
