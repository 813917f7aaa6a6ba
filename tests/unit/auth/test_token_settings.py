"""Settings of the functions that verify tokens and limit actions."""

import subprocess
import sys

import pytest

from authorizer.settings import Settings as AuthorizerSettings
from message_router.limits import Limit
from message_router.settings import Settings as RouterSettings
from realtime_core.auth.memory import MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier, token_verifier
from realtime_core.errors import SettingsInvalid
from realtime_core.settings import read

AUTHORIZER = {
    "CONNECTIONS_TABLE": "connections",
    "REVOCATIONS_TABLE": "revocations",
    "SUBSCRIPTIONS_TABLE": "subscriptions",
    "MANAGEMENT_ENDPOINT": "https://api.example.com/live",
}
ROUTER = AUTHORIZER | {
    "MESSAGES_TABLE": "messages",
    "HISTORY_TABLE": "history",
    "LIMITS_TABLE": "limits",
    "DELIVERIES_QUEUE_URL": "https://sqs.example.com/1/deliveries",
    "POSTS_PER_SECOND": "20",
}
URL = "https://issuer.example/jwks.json"


@pytest.mark.parametrize(
    "url", [URL, f"{URL}?a=1/", "http://127.0.0.1:8080/k", "http://localhost/k", "http://[::1]:9/k"]
)
def test_key_set_url_is_https_or_of_this_machine(url):
    assert read(AuthorizerSettings, AUTHORIZER | {"JWT_JWKS_URL": url}).jwt_jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/jwks.json",
        "http://127.0.0.1.issuer.example/k",
        "http://127.0.0.1@issuer.example/k",
        "https://me:secret@issuer.example/k",
        "https://issuer.example:port/k",
        "https:///k",
        "file:///etc/passwd",
        "issuer.example/k",
    ],
)
def test_any_other_key_set_url_is_refused_by_name(url):
    with pytest.raises(SettingsInvalid, match="JWT_JWKS_URL must be a URL that begins with https://"):
        read(AuthorizerSettings, AUTHORIZER | {"JWT_JWKS_URL": url})


@pytest.mark.parametrize(
    ("algorithms", "url", "secrets", "remedy"),
    [
        (("HS256",), URL, None, "JWT_SECRET_ARN"),
        (("HS256", "ES256"), URL, None, "JWT_SECRET_ARN"),
        (("ES256",), None, MemorySigningSecrets("s" * 32), "JWT_JWKS_URL"),
        (("HS256", "EdDSA"), None, MemorySigningSecrets("s" * 32), "JWT_JWKS_URL"),
    ],
)
def test_an_algorithm_without_keys_is_refused_with_the_setting_to_set(algorithms, url, secrets, remedy):
    with pytest.raises(SettingsInvalid, match=remedy):
        TokenVerifier(TokenRules(algorithms), secrets, url and object())


def test_public_keys_alone_need_no_secret_and_no_client():
    settings = read(AuthorizerSettings, AUTHORIZER | {"JWT_ALGORITHMS": "RS256,EdDSA", "JWT_JWKS_URL": URL})
    assert settings.jwt_secret_arn is None
    assert token_verifier(settings) is not None


def test_limits_have_the_contracts_defaults_and_are_read_from_their_settings():
    found = read(RouterSettings, ROUTER)
    assert (found.limit_send_message, found.limit_subscriptions, found.limit_others) == (
        Limit(5, 20),
        Limit(2, 60),
        Limit(10, 40),
    )
    assert read(RouterSettings, ROUTER | {"LIMIT_OTHERS": "0.5/3"}).limit_others == Limit(0.5, 3)
    with pytest.raises(SettingsInvalid, match="LIMIT_OTHERS must be RATE/BURST"):
        read(RouterSettings, ROUTER | {"LIMIT_OTHERS": "5"})


@pytest.mark.parametrize("function", ["authorizer", "message_router"])
def test_a_function_that_verifies_by_a_secret_starts_without_cryptography(function):
    code = f"import sys, {function}.handler\nprint(sorted({{'jwt', 'cryptography'}} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
