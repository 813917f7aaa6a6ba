"""The settings of Redis: its address and credentials."""

import datetime

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.aws import sigv4
from realtime_core.aws.credentials import Credentials
from realtime_core.errors import SettingsInvalid
from realtime_core.redis.credentials import (
    IamCredentials,
    NoCredentials,
    RedisCredentials,
    credentials_provider,
)
from realtime_core.redis.settings import RedisAddress, RedisSettings
from realtime_core.settings import read


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("rediss://cache.example:6380", RedisAddress("cache.example", 6380, tls=True)),
        ("rediss://cache.example/", RedisAddress("cache.example", 6379, tls=True)),
        ("redis://127.0.0.1:7000", RedisAddress("127.0.0.1", 7000, tls=False)),
        ("redis://localhost", RedisAddress("localhost", 6379, tls=False)),
    ],
)
def test_redis_url_requires_tls_or_the_local_host(url, address):
    assert read(RedisSettings, {"REDIS_URL": url}).redis_url == address


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache.example:6379",
        "rediss://:secret@cache.example",
        "rediss://ann@cache.example",
        "rediss://cache.example/1",
        "rediss://cache.example:port",
        "rediss://cache.example?ssl_cert_reqs=none",
        "rediss://",
        "https://cache.example",
        "cache.example:6379",
    ],
)
def test_any_other_redis_url_is_rejected(url):
    with pytest.raises(SettingsInvalid, match="REDIS_URL must be rediss://HOST:PORT"):
        read(RedisSettings, {"REDIS_URL": url})


def test_without_a_url_redis_is_off():
    assert read(RedisSettings, {}).redis_url is None


@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        ({"REDIS_SECRET_ARN": "arn:s", "REDIS_IAM_CACHE": "deals"}, "exclude each other"),
        ({"REDIS_IAM_CACHE": "deals"}, "REDIS_USERNAME is not set"),
    ],
)
def test_contradictory_credentials_are_rejected_with_the_remedy(environment, remedy):
    settings = read(RedisSettings, {"REDIS_URL": "rediss://cache.example"} | environment)
    with pytest.raises(SettingsInvalid, match=remedy):
        credentials_provider(settings, lambda: pytest.fail("no secret to read"))


def test_no_credentials_if_none_are_configured():
    provider = credentials_provider(
        read(RedisSettings, {"REDIS_URL": "redis://localhost"}), lambda: pytest.fail("no secret to read")
    )
    assert isinstance(provider, NoCredentials)
    assert provider.credentials() == RedisCredentials(None, None)


def test_iam_credentials_name_the_cache_in_lower_case_and_are_new_each_time(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "eu-west-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    moments = iter([1_795_382_480.0, 1_795_382_481.0])
    provider = IamCredentials("Deals-Prod", "relay", lambda: next(moments))

    first, second = provider.credentials(), provider.credentials()

    assert first.username == "relay"
    assert first.password.startswith(
        "deals-prod/?Action=connect&User=relay&X-Amz-Algorithm=AWS4-HMAC-SHA256&"
    )
    assert "&X-Amz-Expires=900&" in first.password
    assert first != second


TEXT = st.text("abcXYZ019-._+/= ", min_size=1, max_size=20)


@given(
    st.builds(Credentials, st.text("ABC019", min_size=4, max_size=20), TEXT, st.none() | TEXT),
    st.integers(0, 2**31),
    TEXT,
)
def test_presigned_request_is_botocores(credentials, now, user):
    stamp = sigv4.stamp_of(now)
    ours = sigv4.presigned(
        credentials, "eu-west-1", "elasticache", stamp=stamp, host="deals",
        query={"Action": "connect", "User": user}, expires_s=900,
    )  # fmt: skip

    request = AWSRequest("GET", "http://deals/", params={"Action": "connect", "User": user})
    theirs = _botocores(request, credentials, now)

    assert sorted(ours.partition("?")[2].split("&")) == sorted(theirs.partition("?")[2].split("&"))


def _botocores(request, credentials, now):
    """What botocore signs at a given moment."""
    signer = SigV4QueryAuth(BotoCredentials(*credentials), "elasticache", "eu-west-1", expires=900)
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda **_: moment)
        signer.add_auth(request)
    return request.url
