import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from realtime_core.auth.memory import MemorySigningSecrets
from realtime_core.auth.secrets_manager import SecretsManagerSigningSecrets
from realtime_core.errors import SettingsInvalid, StoreUnavailable
from tests.contract.support.cases import NOW
from tests.contract.support.watched_clients import answering, aws_client, fault, watching

OLD, NEW = "old-" + "o" * 32, "new-" + "n" * 32
OUTAGE = fault("InternalServiceError", 500)


@pytest.fixture
def manager(cloud):
    return aws_client("secretsmanager", attempts=1)


@pytest.fixture
def secret(manager):
    """Creates a secret; returns a function that changes its text."""
    arn = manager.create_secret(Name="jwt", SecretString=OLD)["ARN"]

    def store(text):
        manager.put_secret_value(SecretId=arn, SecretString=text)

    store.arn = arn
    return store


@pytest.fixture
def keys(manager, secret):
    return SecretsManagerSigningSecrets(manager, secret.arn, max_age_seconds=300)


@pytest.fixture(params=["secrets manager", "memory"])
def two_keys(request):
    """The port, with two keys."""
    if request.param == "memory":
        return MemorySigningSecrets(NEW, OLD)
    request.getfixturevalue("secret")(json.dumps({"current": NEW, "previous": OLD}))
    return request.getfixturevalue("keys")


def test_keys_come_newest_first(two_keys):
    assert list(two_keys.signing_keys(NOW)) == [NEW, OLD]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OLD, [OLD]),
        (json.dumps({"current": NEW}), [NEW]),
        (json.dumps({"current": NEW, "previous": None}), [NEW]),
        ("7" * 32, ["7" * 32]),
        ("ü" * 16, ["ü" * 16]),
        ('{"not JSON, but a good secret of its own', ['{"not JSON, but a good secret of its own']),
    ],
)
def test_secret_is_a_bare_string_or_an_object(secret, keys, text, expected):
    secret(text)
    assert list(keys.signing_keys(NOW)) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hunter2-hunter2-hunter2-hunter2", "the secret"),
        (json.dumps({"current": "hunter2"}), "current"),
        (json.dumps({"previous": OLD, "hunter2": OLD}), "current"),
        (json.dumps({"current": NEW, "previous": "hunter2"}), "previous"),
        (json.dumps({"current": ["hunter2" * 9]}), "current"),
    ],
)
def test_weak_secret_is_rejected_without_its_text(secret, keys, text, named):
    secret(text)

    with pytest.raises(SettingsInvalid) as raised:
        keys.signing_keys(NOW)

    assert secret.arn in str(raised.value)
    assert f"{named} must be a string of at least 32 bytes" in str(raised.value)
    error = raised.value
    while error is not None:
        assert "hunter2" not in repr(error)
        assert "hunter2" not in repr(vars(error))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        (lambda text: text, "the secret"),
        (lambda text: json.dumps({"current": text}), "current"),
        (lambda text: json.dumps({"current": NEW, "previous": text}), "previous"),
    ],
    ids=["bare", "current", "previous"],
)
@pytest.mark.parametrize("form", ["PEM", "SSH"])
def test_public_key_is_rejected_without_its_text(secret, keys, *, stored, named, form):
    """Anyone has it, and could sign with it."""
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = (pem if form == "PEM" else public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)).decode()
    secret(stored(text))

    with pytest.raises(SettingsInvalid, match=f"{named} is a public key.*JWT_JWKS_URL") as raised:
        keys.signing_keys(NOW)
    assert not any(len(word) > 20 and word in str(raised.value) for word in text.split())


def test_keys_are_cached(manager, secret, keys):
    with watching(manager) as watch:
        for after in range(0, 300, 20):
            keys.signing_keys(NOW + after)
    assert watch.calls == {"GetSecretValue": 1}


def test_rotated_secret_is_read_after_the_maximum_age(secret, keys):
    keys.signing_keys(NOW)
    secret(json.dumps({"current": NEW, "previous": OLD}))

    assert list(keys.signing_keys(NOW + 299)) == [OLD]
    assert list(keys.signing_keys(NOW + 300)) == [NEW, OLD]


def test_cached_keys_are_used_during_an_outage_of_an_hour(manager, keys, capsys):
    keys.signing_keys(NOW)

    with answering(manager, "GetSecretValue", *[OUTAGE] * 99):
        assert list(keys.signing_keys(NOW + 3_600)) == [OLD]
        assert json.loads(capsys.readouterr().out)["event"] == "signing_keys_stale"
        with pytest.raises(StoreUnavailable, match="InternalServiceError"):
            keys.signing_keys(NOW + 3_660)
    assert list(keys.signing_keys(NOW + 3_700)) == [OLD]


def test_cached_keys_are_used_while_the_new_secret_is_unusable(secret, keys, capsys):
    keys.signing_keys(NOW)
    secret("too short")

    assert list(keys.signing_keys(NOW + 300)) == [OLD]
    assert "too short" not in capsys.readouterr().out
    secret(NEW)
    assert list(keys.signing_keys(NOW + 330)) == [NEW]


def test_failed_refresh_is_not_retried_at_once(manager, keys):
    keys.signing_keys(NOW)

    with answering(manager, "GetSecretValue", *[OUTAGE] * 99) as seen:
        for after in range(300, 330):
            keys.signing_keys(NOW + after)

    assert seen.calls == 1


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_unreadable_secret_raises(manager, keys, secret, code):
    with (
        answering(manager, "GetSecretValue", fault(code)),
        pytest.raises(StoreUnavailable, match=code) as raised,
    ):
        keys.signing_keys(NOW)
    assert secret.arn in str(raised.value)
