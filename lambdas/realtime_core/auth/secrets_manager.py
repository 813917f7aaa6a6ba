"""The signing secrets, from one Secrets Manager secret, cached for a few minutes."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from realtime_core.auth.jws import SECRET_BYTES_MIN, is_public_key
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.errors import ServiceError, SettingsInvalid, StoreUnavailable
from realtime_core.telemetry.logs import get_logger
from realtime_core.wire.json_problems import is_unicode
from realtime_core.wire.strict_json import byte_length

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

log = get_logger(__name__)

STALE_SECONDS_MAX = 60 * 60
"""How long cached secrets stay valid while they cannot be refreshed; then every token is rejected."""
RETRY_SECONDS = 30
"""How long after a failed refresh the next one starts."""


class SecretsManagerSigningSecrets:
    """`SigningSecrets` on Secrets Manager: a bare string, or JSON `{"current": "…", "previous": "…"}`."""

    def __init__(self, client: SecretsManagerClient, secret_arn: str, max_age_seconds: float = 300) -> None:
        self._client = client
        self._secret_arn = secret_arn
        self._max_age = max_age_seconds
        self._lock = threading.Lock()
        self._keys: tuple[str, ...] = ()
        self._read_at = 0.0
        self._refresh_at = 0.0

    def signing_keys(self, now: float) -> Sequence[str]:
        """The current secrets, newest first; read once in `max_age_seconds`.

        If a refresh fails, the cached secrets stay in use for up to an hour. Without any, raises
        StoreUnavailable if the secret cannot be read, SettingsInvalid if its value is unusable.
        """
        with self._lock:
            if not self._keys or now >= self._refresh_at:
                self._refresh(now)
            return self._keys

    def _refresh(self, now: float) -> None:
        try:
            self._keys = parse_secret(self._fetch(), self._secret_arn)
        except ServiceError as error:
            age = now - self._read_at
            if not self._keys or age > STALE_SECONDS_MAX:
                self._keys = ()
                raise
            log.warning("signing_keys_stale", reason=str(error), ageSeconds=round(age))
            self._refresh_at = now + RETRY_SECONDS
        else:
            self._read_at, self._refresh_at = now, now + self._max_age

    def _fetch(self) -> str:
        try:
            response = self._client.get_secret_value(SecretId=self._secret_arn)
        except Refused as error:
            raise StoreUnavailable(f"secret {self._secret_arn} could not be read: {error.code}") from error
        except Unreachable as error:
            raise StoreUnavailable(f"Secrets Manager could not be reached: {error.reason}") from error
        return response.get("SecretString", "")


def parse_secret(text: str, secret_arn: str) -> tuple[str, ...]:
    """The keys in a secret's text, newest first. Raises SettingsInvalid, without quoting the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None  # a bare string; the JSON error would quote the secret
    if not isinstance(value, dict):
        return (_usable(text, "the secret", secret_arn),)
    current = _usable(value.get("current"), "current", secret_arn)
    if value.get("previous") is None:
        return (current,)
    return current, _usable(value["previous"], "previous", secret_arn)


def _usable(key: object, name: str, secret_arn: str) -> str:
    # JSON can write half of a surrogate pair, which has no bytes to sign with.
    if not isinstance(key, str) or not is_unicode(key) or byte_length(key) < SECRET_BYTES_MIN:
        raise SettingsInvalid(
            f"{secret_arn}: {name} must be a string of at least {SECRET_BYTES_MIN} bytes; store a random "
            'string of that length, or JSON {"current": "…", "previous": "…"} to rotate it'
        )
    if is_public_key(key):
        raise SettingsInvalid(
            f"{secret_arn}: {name} is a public key, with which anyone could sign; store a random string, and "
            "give public keys by JWT_JWKS_URL"
        )
    return key
