"""The name and password by which a function logs in to Redis: from a secret, or made of its IAM role.

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
"""How long ElastiCache takes an IAM token; it may not be longer. A connection that is open stays open."""
SECRET_SECONDS = 300
"""How long a password that was read is used before it is read again: a rotated one is known by then."""


class Login(NamedTuple):
    """What AUTH is given. Without a name it is the default user's password; None is no AUTH at all."""

    username: str | None
    password: str | None


class CredentialsProvider(Protocol):
    """Where a login comes from; asked for each new connection."""

    def login(self) -> Login:
        """The login of this moment. Raises StoreUnavailable where it cannot be had."""


class NoCredentials:
    """Redis on this machine, without a password."""

    def login(self) -> Login:
        """Nothing to say."""
        return Login(None, None)


class SecretCredentials:
    """A password in a secret: a bare string, or JSON `{"current": "…"}`."""

    def __init__(
        self,
        client: SecretsManagerClient,
        secret_arn: str,
        username: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._secret_arn, self._username, self._clock = client, secret_arn, username, clock
        self._password = ""
        self._read_again_at = 0.0

    def login(self) -> Login:
        """The password, read again every five minutes; while it cannot be read, that of before."""
        if not self._password or self._clock() >= self._read_again_at:
            try:
                self._password = self._read()
            except StoreUnavailable:
                if not self._password:
                    raise
            self._read_again_at = self._clock() + SECRET_SECONDS
        return Login(self._username, self._password)

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
            value = None  # a bare string; the error would carry its text along
        password = value.get("current") if isinstance(value, dict) else text
        if not isinstance(password, str) or not password:
            raise SettingsInvalid(
                f'{self._secret_arn}: store the password of Redis, bare or as JSON {{"current": "…"}}'
            )
        return password


class IamCredentials:
    """The function's role, by a signed request that names the cache and the user."""

    def __init__(self, cache_name: str, username: str, now: Callable[[], float] = time.time) -> None:
        self._cache_name, self._username, self._now = cache_name.lower(), username, now

    def login(self) -> Login:
        """A token that was made just now: making one costs microseconds."""
        token = presigned(
            credentials.credentials(),
            credentials.region(),
            "elasticache",
            stamp=stamp_of(self._now()),
            host=self._cache_name,
            query={"Action": "connect", "User": self._username},
            expires_s=TOKEN_SECONDS,
        )
        return Login(self._username, token)


def credentials_provider(
    settings: RedisSettings, secrets: Callable[[], SecretsManagerClient]
) -> CredentialsProvider:
    """What the settings ask for. `secrets` makes a client of Secrets Manager, where one is needed.

    Raises SettingsInvalid where they ask for two things at once, or for half of one.
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
