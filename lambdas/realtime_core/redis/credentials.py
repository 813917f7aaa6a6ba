"""The username and password of a function for Redis: from a secret, or from its IAM role.

docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from realtime_core.aws import credentials
from realtime_core.aws.errors import Refused, Unreachable
from realtime_core.aws.sigv4 import presigned, stamp_of
from realtime_core.errors import SettingsInvalid, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_secretsmanager.client import SecretsManagerClient

    from realtime_core.redis.settings import RedisSettings

TOKEN_SECONDS = 900
"""Outside limit: the longest lifetime of an IAM token of ElastiCache. Open connections outlive it."""
SECRET_SECONDS = 300
"""How long a password is cached; after a rotation, the new one is in use by then."""


class RedisCredentials(NamedTuple):
    """The arguments of AUTH. No username means the default user, no password means no AUTH."""

    username: str | None
    password: str | None


class CredentialsProvider(Protocol):
    """A source of credentials, called for each new connection."""

    def credentials(self) -> RedisCredentials:
        """The current credentials. Raises StoreUnavailable if they cannot be read."""


class NoCredentials:
    """No credentials, for a local Redis without a password."""

    def credentials(self) -> RedisCredentials:
        """Empty credentials: no AUTH."""
        return RedisCredentials(None, None)


class SecretCredentials:
    """A password from Secrets Manager: a bare string, or JSON `{"current": "…"}`."""

    def __init__(
        self,
        client: SecretsManagerClient,
        secret_arn: str,
        username: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._secret_arn, self._username, self._clock = client, secret_arn, username, clock
        self._password = ""
        self._refresh_at = 0.0

    def credentials(self) -> RedisCredentials:
        """The password, read every five minutes; if a read fails, the cached password stays in use."""
        if not self._password or self._clock() >= self._refresh_at:
            try:
                self._password = self._read()
            except StoreUnavailable:
                if not self._password:
                    raise
            self._refresh_at = self._clock() + SECRET_SECONDS
        return RedisCredentials(self._username, self._password)

    def _read(self) -> str:
        try:
            text = self._client.get_secret_value(SecretId=self._secret_arn).get("SecretString", "")
        except Refused as error:
            raise StoreUnavailable(f"secret {self._secret_arn} could not be read: {error.code}") from error
        except Unreachable as error:
            raise StoreUnavailable(f"Secrets Manager could not be reached: {error.reason}") from error
        try:
            value = json.loads(text)
        except ValueError:
            value = None  # a bare string; the JSON error would quote the password
        password = value.get("current") if isinstance(value, dict) else text
        if not isinstance(password, str) or not password:
            raise SettingsInvalid(
                f'{self._secret_arn}: store the password of Redis, bare or as JSON {{"current": "…"}}'
            )
        return password


class IamCredentials:
    """An IAM token: a presigned request of the function's role that names the cache and the user."""

    def __init__(self, cache_name: str, username: str, now: Callable[[], float] = time.time) -> None:
        self._cache_name, self._username, self._now = cache_name.lower(), username, now

    def credentials(self) -> RedisCredentials:
        """A new token; creating one takes microseconds."""
        token = presigned(
            credentials.credentials(),
            credentials.region(),
            "elasticache",
            stamp=stamp_of(self._now()),
            host=self._cache_name,
            query={"Action": "connect", "User": self._username},
            expires_s=TOKEN_SECONDS,
        )
        return RedisCredentials(self._username, token)


def credentials_provider(
    settings: RedisSettings, secrets: Callable[[], SecretsManagerClient]
) -> CredentialsProvider:
    """The provider that the settings select. `secrets` creates a Secrets Manager client, if one is needed.

    Raises SettingsInvalid if the settings contradict each other or are incomplete.
    """
    if settings.redis_iam_cache:
        if settings.redis_secret_arn:
            raise SettingsInvalid("REDIS_SECRET_ARN and REDIS_IAM_CACHE exclude each other; set one")
        if not settings.redis_username:
            raise SettingsInvalid("REDIS_USERNAME is not set; with REDIS_IAM_CACHE set it to the user's id")
        return IamCredentials(settings.redis_iam_cache, settings.redis_username)
    if settings.redis_secret_arn:
        return SecretCredentials(secrets(), settings.redis_secret_arn, settings.redis_username)
    return NoCredentials()
