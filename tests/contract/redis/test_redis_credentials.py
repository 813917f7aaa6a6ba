import json

import pytest

from realtime_core.errors import SettingsInvalid, StoreUnavailable
from realtime_core.redis.credentials import SECRET_SECONDS, RedisCredentials, SecretCredentials
from tests.contract.support.watched_clients import answering, aws_client, fault, watching


@pytest.fixture
def manager(cloud):
    return aws_client("secretsmanager", attempts=1)


@pytest.fixture
def secret_arn(manager):
    return manager.create_secret(Name="redis", SecretString="first")["ARN"]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("text", ["first", json.dumps({"current": "first", "previous": "older"})])
def test_password_is_the_bare_secret_or_its_current(manager, secret_arn, text):
    manager.put_secret_value(SecretId=secret_arn, SecretString=text)
    assert SecretCredentials(manager, secret_arn, "relay").credentials() == RedisCredentials("relay", "first")


def test_password_is_read_once_in_five_minutes(manager, secret_arn):
    clock = Clock()
    provider = SecretCredentials(manager, secret_arn, clock=clock)
    with watching(manager) as watch:
        provider.credentials()
        clock.now = SECRET_SECONDS - 1
        provider.credentials()
    assert watch.calls["GetSecretValue"] == 1
    manager.put_secret_value(SecretId=secret_arn, SecretString="second")
    clock.now = SECRET_SECONDS
    assert provider.credentials() == RedisCredentials(None, "second")


def test_cached_password_is_used_while_the_secret_cannot_be_read(manager, secret_arn):
    clock = Clock()
    provider = SecretCredentials(manager, secret_arn, clock=clock)
    provider.credentials()
    clock.now = SECRET_SECONDS
    with answering(manager, "GetSecretValue", fault("InternalServiceError", 500)):
        assert provider.credentials().password == "first"


def test_unreadable_secret_without_a_cached_password_raises(manager, secret_arn):
    with (
        answering(manager, "GetSecretValue", fault("InternalServiceError", 500)),
        pytest.raises(StoreUnavailable, match=secret_arn),
    ):
        SecretCredentials(manager, secret_arn).credentials()


@pytest.mark.parametrize("text", [json.dumps({"other": "x"}), json.dumps({"current": ""})])
def test_secret_without_a_password_raises_with_the_remedy_and_without_its_text(manager, secret_arn, text):
    manager.put_secret_value(SecretId=secret_arn, SecretString=text)
    with pytest.raises(SettingsInvalid, match="store the password of Redis") as refused:
        SecretCredentials(manager, secret_arn).credentials()
    assert text not in str(refused.value)
