import json

import pytest

from realtime_core.errors import SettingsInvalid, StoreUnavailable
from realtime_core.redis.login import SECRET_SECONDS, Login, SecretCredentials
from tests.contract.ports.clouds import answering, fault, moto_client, watching


@pytest.fixture
def manager(cloud):
    return moto_client("secretsmanager", attempts=1)


@pytest.fixture
def secret_arn(manager):
    return manager.create_secret(Name="redis", SecretString="first")["ARN"]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("text", ["first", json.dumps({"current": "first", "previous": "older"})])
def test_password_is_the_secrets_bare_text_or_current(manager, secret_arn, text):
    manager.put_secret_value(SecretId=secret_arn, SecretString=text)
    assert SecretCredentials(manager, secret_arn, "relay").login() == Login("relay", "first")


def test_password_is_read_once_in_five_minutes(manager, secret_arn):
    clock = Clock()
    made = SecretCredentials(manager, secret_arn, clock=clock)
    with watching(manager) as watch:
        made.login()
        clock.now = SECRET_SECONDS - 1
        made.login()
    assert watch.calls["GetSecretValue"] == 1
    manager.put_secret_value(SecretId=secret_arn, SecretString="second")
    clock.now = SECRET_SECONDS
    assert made.login() == Login(None, "second")


def test_password_of_before_serves_while_it_cannot_be_read(manager, secret_arn):
    clock = Clock()
    made = SecretCredentials(manager, secret_arn, clock=clock)
    made.login()
    clock.now = SECRET_SECONDS
    with answering(manager, "GetSecretValue", fault("InternalServiceError", 500)):
        assert made.login().password == "first"


def test_without_any_password_the_store_is_unavailable(manager, secret_arn):
    with (
        answering(manager, "GetSecretValue", fault("InternalServiceError", 500)),
        pytest.raises(StoreUnavailable, match=secret_arn),
    ):
        SecretCredentials(manager, secret_arn).login()


@pytest.mark.parametrize("text", [json.dumps({"other": "x"}), json.dumps({"current": ""})])
def test_secret_without_a_password_is_refused_with_the_remedy_and_not_shown(manager, secret_arn, text):
    manager.put_secret_value(SecretId=secret_arn, SecretString=text)
    with pytest.raises(SettingsInvalid, match="store the password of Redis") as refused:
        SecretCredentials(manager, secret_arn).login()
    assert text not in str(refused.value)
