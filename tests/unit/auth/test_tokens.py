"""Verification of tokens."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.auth.public_keys import parse_key_set
from realtime_core.auth.tokens import Identity, TokenRules, verify
from realtime_core.errors import SettingsInvalid, TokenRefused
from tests.issuer import public_jwk

NOW = 1_795_382_480
SECRET, OLD_SECRET = "s" * 32, "o" * 40
RULES = TokenRules()
CLAIMS = {"sub": "user-1", "iat": NOW - 60, "exp": NOW + 3600, "scope": "openid websocket"}


def segment(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload, secret=SECRET, header=None):
    """Sign a token without a library, so that malformed tokens can be written too."""
    text = f"{segment(header or {'alg': 'HS256', 'typ': 'JWT'})}.{segment(payload)}"
    return f"{text}.{segment(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def token(secret=SECRET, **changes):
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    return signed(claims, secret)


def refusal(text, keys=(SECRET,), rules=RULES, now=NOW):
    with pytest.raises(TokenRefused) as caught:
        verify(text, keys, rules, now)
    return caught.value.status, caught.value.reason


def test_verify_of_a_valid_token_returns_its_identity():
    assert verify(token(), [SECRET], RULES, NOW) == Identity("user-1", NOW + 3600, NOW - 60, None)
    assert verify(token(jti="t-1"), [SECRET], RULES, NOW).token_id == "t-1"


def test_verify_accepts_a_token_signed_by_a_library():
    assert verify(jwt.encode(CLAIMS, SECRET), [SECRET], RULES, NOW).user_id == "user-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 29},
        {"exp": NOW + 0.5},
        {"exp": float(NOW)},
        {"iat": NOW + 30},
        {"iat": 0},
        {"nbf": NOW + 30},
        {"scope": "websocket"},
        {"scope": ["a", "websocket"]},
        {"sub": "A9._:@|-"},
        {"sub": "x" * 128},
        {"aud": "somebody-else"},
        {"iss": "anybody"},
        {"jti": None},
        {"more": {"a": [1]}},
    ],
)
def test_verify_accepts_claims_within_the_rules(changes):
    identity = verify(token(**changes), [SECRET], RULES, NOW)
    assert identity.token_exp == int(changes.get("exp", NOW + 3600))
    assert identity.issued_at == int(changes.get("iat", NOW - 60))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": NOW - 30}, (401, "expired")),
        ({"exp": 0}, (401, "expired")),
        ({"exp": ...}, (401, "malformed")),
        ({"exp": None}, (401, "malformed")),
        ({"exp": str(NOW + 3600)}, (401, "malformed")),
        ({"exp": True}, (401, "malformed")),
        ({"exp": -1}, (401, "malformed")),
        ({"exp": 1e300}, (401, "malformed")),
        ({"exp": 10**30}, (401, "malformed")),
        ({"exp": float("nan")}, (401, "malformed")),
        ({"exp": float("inf")}, (401, "malformed")),
        ({"iat": ...}, (401, "malformed")),
        ({"iat": "now"}, (401, "malformed")),
        ({"iat": NOW + 31}, (401, "issued_in_future")),
        ({"nbf": NOW + 31}, (401, "not_yet_valid")),
        ({"nbf": "soon"}, (401, "malformed")),
        ({"sub": ...}, (401, "subject")),
        ({"sub": ""}, (401, "subject")),
        ({"sub": 17}, (401, "subject")),
        ({"sub": "a b"}, (401, "subject")),
        ({"sub": "a\n"}, (401, "subject")),
        ({"sub": "x" * 129}, (401, "subject")),
        ({"jti": 17}, (401, "malformed")),
        ({"scope": ...}, (403, "scope")),
        ({"scope": ""}, (403, "scope")),
        ({"scope": "websockets"}, (403, "scope")),
        ({"scope": "openid,websocket"}, (403, "scope")),
        ({"scope": ["websockets", 1]}, (403, "scope")),
        ({"scope": {"websocket": True}}, (403, "scope")),
        # An invalid token is 401, with any scope.
        ({"scope": ..., "exp": NOW - 30}, (401, "expired")),
        ({"scope": ..., "sub": ...}, (401, "subject")),
    ],
)
def test_verify_refuses_claims_outside_the_rules(changes, expected):
    assert refusal(token(**changes)) == expected


def test_leeway_of_the_rules_applies_to_expiry_and_issue():
    strict = TokenRules(leeway_seconds=0)
    assert refusal(token(exp=NOW), rules=strict) == (401, "expired")
    assert refusal(token(iat=NOW + 1), rules=strict) == (401, "issued_in_future")
    assert verify(token(exp=NOW + 1, iat=NOW), [SECRET], strict, NOW).user_id == "user-1"


@pytest.mark.parametrize(
    ("rules", "changes", "reason"),
    [
        (TokenRules(issuer="us"), {"iss": "us"}, None),
        (TokenRules(issuer="us"), {"iss": "them"}, "issuer"),
        (TokenRules(issuer="us"), {}, "issuer"),
        (TokenRules(issuer="us"), {"iss": ["us"]}, "issuer"),
        (TokenRules(audience="deals"), {"aud": "deals"}, None),
        (TokenRules(audience="deals"), {"aud": ["other", "deals"]}, None),
        (TokenRules(audience="deals"), {"aud": "deals other"}, "audience"),
        (TokenRules(audience="deals"), {"aud": ["other", 1]}, "audience"),
        (TokenRules(audience="deals"), {}, "audience"),
    ],
)
def test_issuer_and_audience_are_checked_if_configured(rules, changes, reason):
    text = token(**changes)
    if reason is None:
        assert verify(text, [SECRET], rules, NOW).user_id == "user-1"
    else:
        assert refusal(text, rules=rules) == (401, reason)


def test_any_of_several_keys_may_have_signed():
    keys = [SECRET, OLD_SECRET]
    assert verify(token(OLD_SECRET), keys, RULES, NOW).user_id == "user-1"
    assert verify(token(SECRET), keys, RULES, NOW).user_id == "user-1"
    assert refusal(token("x" * 32), keys) == (401, "signature")


def test_signature_is_verified_before_the_claims():
    assert refusal(token("x" * 32, exp=0, scope=...)) == (401, "signature")


GOOD_HEADER, GOOD_PAYLOAD, GOOD_SIGNATURE = token().split(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "a.b",
        "a.b.c",
        "..",
        f"{GOOD_HEADER}.{GOOD_PAYLOAD}",
        f"{GOOD_HEADER}.{GOOD_PAYLOAD}.!",
        f"{segment([])}.{GOOD_PAYLOAD}.{GOOD_SIGNATURE}",
        f"{segment(b'{')}.{GOOD_PAYLOAD}.{GOOD_SIGNATURE}",
        "é.é.é",
        "\ud800.a.b",
        token(more="x" * 8192),
        signed(b"not json"),
        signed(b"\xff"),
        signed([]),
        signed(b"[" * 5000),
        signed(CLAIMS, header={"alg": "HS256", "crit": ["exp"], "exp": 1}),
        signed(CLAIMS, header={"alg": "HS256", "kid": 1}),
        signed(CLAIMS, header={"alg": "HS256", "b64": False, "crit": ["b64"]}),
    ],
)
def test_verify_of_anything_else_is_malformed(text):
    assert refusal(text) == (401, "malformed")


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS384", "HS512", "RS256", None, 1, ["HS256"]])
def test_only_configured_algorithms_are_accepted(algorithm):
    assert refusal(signed(CLAIMS, header={"alg": algorithm})) == (401, "algorithm")


def test_unsigned_token_is_rejected():
    header, payload, _ = signed(CLAIMS, header={"alg": "none"}).split(".")
    assert refusal(f"{header}.{payload}.") == (401, "algorithm")


@given(st.integers(0, len(token()) - 1), st.sampled_from("ABCDwxyz0189-_."))
def test_token_with_any_changed_character_is_rejected(index, char):
    text = token()
    if text[index] != char:
        assert refusal(text[:index] + char + text[index + 1 :])[0] == 401


PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
PUBLIC = [
    key
    for algorithm, private in PRIVATE.items()
    for key in parse_key_set(json.dumps({"keys": [public_jwk(algorithm, private)]}).encode())
]


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_public_key_algorithms_verify_with_the_right_key_among_others(algorithm):
    text = jwt.encode(CLAIMS, PRIVATE[algorithm], algorithm)
    keys = [SECRET, *PUBLIC]
    rules = TokenRules(("HS256", *PRIVATE))
    assert verify(text, keys, rules, NOW).user_id == "user-1"
    assert refusal(text, keys, TokenRules(("HS256",))) == (401, "algorithm")
    assert refusal(text, [SECRET], rules) == (401, "signature")
    assert refusal(text, [key for key in PUBLIC if key.algorithm != algorithm], rules) == (401, "signature")


def pem(private):
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_public_key_is_never_a_shared_secret(algorithm):
    """Algorithm confusion: anyone could sign with a public key that is accepted as a secret."""
    public, rules = pem(PRIVATE[algorithm]), TokenRules((algorithm, "HS256"))
    for secret in (public, public.strip(), "\n" + public):
        assert refusal(signed(CLAIMS, secret), [public, *PUBLIC, SECRET], rules) == (401, "signature")
        assert refusal(signed(CLAIMS, secret), [secret, *PUBLIC, SECRET], rules) == (401, "signature")


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_shared_secret_never_verifies_a_public_key_algorithm(algorithm):
    forged = signed(CLAIMS, SECRET, header={"alg": algorithm})
    assert refusal(forged, [SECRET, *PUBLIC], TokenRules((algorithm, "HS256"))) == (401, "signature")


def test_signature_under_another_algorithms_name_is_rejected():
    _, payload, signature = jwt.encode(CLAIMS, PRIVATE["RS256"], "RS256").split(".")
    for algorithm in ("HS256", "ES256", "EdDSA"):
        text = f"{segment({'alg': algorithm})}.{payload}.{signature}"
        assert refusal(text, [SECRET, *PUBLIC], TokenRules(("HS256", *PRIVATE))) == (401, "signature")


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_token_of_a_public_key_with_any_changed_part_is_rejected(algorithm):
    header, payload, signature = jwt.encode(CLAIMS, PRIVATE[algorithm], algorithm).split(".")
    rules = TokenRules((algorithm,))
    other_payload = segment({**CLAIMS, "sub": "somebody-else"})
    assert refusal(f"{header}.{other_payload}.{signature}", PUBLIC, rules) == (401, "signature")
    for broken in ("", signature[:-4], signature + "AAAA", "AAAA"):
        assert refusal(f"{header}.{payload}.{broken}", PUBLIC, rules)[0] == 401


@pytest.mark.parametrize("keys", [[], ["short"], ["s" * 31], [SECRET, "short"], [""]])
def test_unusable_secrets_raise_settings_invalid(keys):
    with pytest.raises(SettingsInvalid, match="store"):
        verify(token(), keys, RULES, NOW)


@pytest.mark.parametrize("algorithms", [(), ("none",), ("HS256", "none"), ("HS512",), ("hs256",)])
def test_rules_with_an_unsupported_algorithm_are_rejected(algorithms):
    with pytest.raises(SettingsInvalid, match="some of HS256, RS256, ES256, EdDSA"):
        TokenRules(algorithms)


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    st.sampled_from([SECRET, OLD_SECRET]),
)
def test_verify_agrees_with_a_library(more, secret):
    text = jwt.encode({**more, **CLAIMS}, secret, headers={"kid": "k"})
    assert verify(text, [SECRET, OLD_SECRET], RULES, NOW).user_id == "user-1"
    assert refusal(text, ["x" * 32]) == (401, "signature")


@pytest.mark.parametrize("length", [1, 256])
def test_token_id_of_a_valid_length_is_accepted(length):
    assert verify(token(jti="i" * length), [SECRET], RULES, NOW).token_id == "i" * length


@pytest.mark.parametrize("token_id", ["", "i" * 257])
def test_token_id_of_an_invalid_length_is_rejected(token_id):
    assert refusal(token(jti=token_id)) == (401, "malformed")


def test_verify_with_a_secret_imports_neither_pyjwt_nor_cryptography():
    """They triple the cold start."""
    code = (
        "import sys; from realtime_core.auth.tokens import TokenRules, verify\n"
        f"verify({token()!r}, [{SECRET!r}], TokenRules(), {NOW})\n"
        "print(sorted({'jwt', 'cryptography'} & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
