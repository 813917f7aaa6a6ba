"""Which keys of an issuer's key set are usable, and for which algorithm."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from jwt.algorithms import get_default_algorithms

from realtime_core.auth.public_keys import parse_key_set
from tests.issuer import KEY_GENERATORS, public_jwk

PRIVATE = {algorithm: make() for algorithm, make in KEY_GENERATORS.items()}
GOOD = public_jwk("ES256", PRIVATE["ES256"], kid="good")


def entry(algorithm, **members):
    return public_jwk(algorithm, PRIVATE[algorithm], **members)


def usable(*entries):
    keys = parse_key_set(json.dumps({"keys": [*entries, GOOD]}).encode())
    assert (keys[-1].key_id, keys[-1].algorithm) == ("good", "ES256")
    return [(key.key_id, key.algorithm) for key in keys[:-1]]


@pytest.mark.parametrize("algorithm", KEY_GENERATORS)
@pytest.mark.parametrize(
    "members",
    [{}, {"use": "sig"}, {"key_ops": ["verify"]}, {"use": "sig", "key_ops": ["verify"], "x5t": "abc"}],
)
def test_key_for_signatures_verifies_its_one_algorithm(algorithm, members):
    assert usable(entry(algorithm, kid="k", **members)) == [("k", algorithm)]
    assert usable(entry(algorithm, kid="k", alg=algorithm, **members)) == [("k", algorithm)]
    assert usable(entry(algorithm, **members)) == [(None, algorithm)]


def jwk(private, algorithm):
    return get_default_algorithms()[algorithm].to_jwk(private.public_key(), as_dict=True)


@pytest.mark.parametrize(
    "unusable",
    [
        pytest.param({"kty": "oct", "k": "c" * 43, "kid": "k"}, id="shared-secret"),
        pytest.param({"kty": "oct", "k": "c" * 43, "alg": "RS256"}, id="shared-secret-that-claims-to-be-rsa"),
        pytest.param(entry("RS256", use="enc"), id="for-encryption"),
        pytest.param(entry("RS256", key_ops=["encrypt"]), id="operations-without-verify"),
        pytest.param(entry("RS256", key_ops="verify"), id="operations-not-a-list"),
        pytest.param(entry("RS256", alg="PS256"), id="another-rsa-algorithm"),
        pytest.param(entry("RS256", alg="RS512"), id="another-hash"),
        pytest.param(entry("RS256", alg="HS256"), id="public-key-as-a-secret"),
        pytest.param(entry("RS256", alg="ES256"), id="rsa-under-the-name-of-an-ec-algorithm"),
        pytest.param(entry("ES256", alg="RS256"), id="ec-under-the-name-of-an-rsa-algorithm"),
        pytest.param(entry("RS256", alg="none"), id="no-algorithm-at-all"),
        pytest.param(entry("RS256", kid=7), id="kid-not-a-string"),
        pytest.param({**entry("RS256"), "n": "AQAB"}, id="modulus-of-a-few-bits"),
        pytest.param({**entry("RS256"), "n": "!"}, id="modulus-not-base64"),
        pytest.param({**entry("ES256"), "x": "AAAA"}, id="not-on-the-curve"),
        pytest.param({"kty": "EC", "crv": "P-256", "kid": "k"}, id="nothing-in-it"),
        pytest.param(jwk(rsa.generate_private_key(65537, 1024), "RS256"), id="rsa-too-short"),
        pytest.param(jwk(ec.generate_private_key(ec.SECP384R1()), "ES384"), id="another-curve"),
        pytest.param(jwk(ed448.Ed448PrivateKey.generate(), "EdDSA"), id="another-edwards-curve"),
        pytest.param(
            get_default_algorithms()["ES256"].to_jwk(PRIVATE["ES256"], as_dict=True),
            id="published-private-key",
        ),
        pytest.param("key", id="no-object"),
        pytest.param(None, id="null"),
        pytest.param({}, id="empty"),
    ],
)
def test_unusable_keys_are_ignored(unusable):
    assert usable(unusable) == []


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[]", b"{}", b'{"keys":null}', b'{"keys":[]}', b'{"keys":[{}]}']
)
def test_key_set_without_a_usable_key_is_rejected(text):
    with pytest.raises(ValueError, match=r"keys|JSON"):
        parse_key_set(text)
