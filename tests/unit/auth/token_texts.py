"""Tokens written without a library, so that each part of them can be wrong."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest

from realtime_core.auth.tokens import Identity, TokenRules, verify
from realtime_core.errors import TokenRefused

NOW = 1_795_382_480
SECRET = "s" * 32
RULES = TokenRules()
CLAIMS = {"sub": "user-1", "iat": NOW - 60, "exp": NOW + 3600, "scope": "websocket"}
HEADER = {"alg": "HS256", "typ": "JWT"}


def segment(value: Any) -> str:
    """A part of a token: bytes and text as they are, anything else as JSON."""
    raw = value.encode() if isinstance(value, str) else value
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(
    header: Any = HEADER, claims: Any = CLAIMS, secret: str | bytes = SECRET, hash_: str = "sha256"
) -> str:
    """A token with a good signature over whatever its parts are."""
    text = f"{segment(header)}.{segment(claims)}"
    key = secret.encode() if isinstance(secret, str) else secret
    return f"{text}.{segment(hmac.digest(key, text.encode(), hash_))}"


def with_header(**more: Any) -> str:
    """A good token but for these members of its header."""
    return signed({**HEADER, **more})


def with_claims(**more: Any) -> str:
    """A good token but for these claims."""
    return signed(claims={**CLAIMS, **more})


def accept(token: str, keys: Any = (SECRET,), rules: TokenRules = RULES) -> Identity:
    """Return the identity of a token that the service accepts."""
    return verify(token, keys, rules, NOW)


def refusal(token: str, keys: Any = (SECRET,), rules: TokenRules = RULES) -> tuple[int, str]:
    """Return the status and the reason with which the service refuses a token."""
    with pytest.raises(TokenRefused) as caught:
        verify(token, keys, rules, NOW)
    return caught.value.status, caught.value.reason
