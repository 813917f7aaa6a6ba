"""Attacks on the keys of tokens: RFC 8725, 2.1, 2.5, 3.1 to 3.5 and 3.10, and published advisories."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from jwt.algorithms import get_default_algorithms

from realtime_core.auth.public_keys import parse_key_set
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.errors import TokenRefused
from tests.issuer import KEY_GENERATORS, Issuer, public_jwk, serve
from tests.unit.auth.token_texts import CLAIMS, NOW, SECRET, accept, refusal, segment, signed

PRIVATE = {algorithm: make() for algorithm, make in KEY_GENERATORS.items()}
FOREIGN = {algorithm: make() for algorithm, make in KEY_GENERATORS.items()}
ALL = TokenRules(("HS256", *PRIVATE))
ES256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def key_set(*entries):
    return parse_key_set(json.dumps({"keys": entries}).encode())


KEYS = [SECRET, *key_set(*(public_jwk(algorithm, private) for algorithm, private in PRIVATE.items()))]


def attack(algorithm, signature, **header):
    """Return a token with the signature that `signature` makes of what is signed."""
    text = f"{segment({'alg': algorithm, **header})}.{segment(CLAIMS)}"
    return f"{text}.{segment(signature(text.encode()))}"


def numbers(r, s):
    return lambda _: r.to_bytes(32) + s.to_bytes(32)


def ecdsa(text):
    return utils.decode_dss_signature(PRIVATE["ES256"].sign(text, ec.ECDSA(hashes.SHA256())))


def pss(text):
    return PRIVATE["RS256"].sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def edwards_plus_order(text):
    signature = PRIVATE["EdDSA"].sign(text)
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ED25519_ORDER).to_bytes(32, "little")


FORGERIES = {
    "psychic signature, r = s = 0 (CVE-2022-21449)": attack("ES256", numbers(0, 0)),
    "psychic signature, r = 0": attack("ES256", numbers(0, 1)),
    "psychic signature, s = 0": attack("ES256", numbers(1, 0)),
    "psychic signature, r = s = n": attack("ES256", numbers(ES256_ORDER, ES256_ORDER)),
    "r = s = 1": attack("ES256", numbers(1, 1)),
    "largest numbers": attack("ES256", numbers(2**256 - 1, 2**256 - 1)),
    "empty signature, ES256": attack("ES256", lambda _: b""),
    "empty signature, RS256": attack("RS256", lambda _: b""),
    "empty signature, EdDSA": attack("EdDSA", lambda _: b""),
    "DER in place of two numbers": attack("ES256", lambda text: utils.encode_dss_signature(*ecdsa(text))),
    "RSA signature of null bytes": attack("RS256", lambda _: b"\x00" * 256),
    "RSA signature 1": attack("RS256", lambda _: (1).to_bytes(256)),
    "RSA signature with a null byte before it": attack(
        "RS256", lambda text: b"\x00" + PRIVATE["RS256"].sign(text, padding.PKCS1v15(), hashes.SHA256())
    ),
    "PS256 under the name RS256": attack("RS256", pss),
    "RS512's hash under the name RS256": attack(
        "RS256", lambda text: PRIVATE["RS256"].sign(text, padding.PKCS1v15(), hashes.SHA512())
    ),
    "ES256 with another hash": attack(
        "ES256",
        lambda text: numbers(
            *utils.decode_dss_signature(PRIVATE["ES256"].sign(text, ec.ECDSA(hashes.SHA384())))
        )(text),
    ),
    "Edwards signature whose number is too large": attack("EdDSA", edwards_plus_order),
    "Edwards signature of null bytes": attack("EdDSA", lambda _: b"\x00" * 64),
    "Edwards signature of the neutral point": attack("EdDSA", lambda _: b"\x01" + b"\x00" * 63),
    "Edwards signature under the name ES256": attack("ES256", PRIVATE["EdDSA"].sign),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_signature_is_refused(name):
    """RFC 8725, 2.5 and 3.4."""
    assert refusal(FORGERIES[name], KEYS, ALL) == (401, "signature")


@pytest.mark.parametrize("name", ["PS256", "PS512", "RS384", "RS512", "ES256K", "ES384", "ES512", "Ed25519"])
def test_algorithm_of_the_right_key_that_is_not_listed_is_refused(name):
    """RFC 8725, 3.1: PS256 with the key for RS256, or another curve's name."""
    token = attack(name, pss)
    assert refusal(token, KEYS, ALL) == (401, "algorithm")


def test_other_signature_of_the_same_text_is_no_other_token():
    """ECDSA: (r, n - s) is good too. So claims are revoked, never the bytes of a token."""
    token = attack("ES256", lambda text: numbers(*ecdsa(text))(text))
    text, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    other = f"{text}.{segment(numbers(r, ES256_ORDER - s)(b''))}"
    assert other != token
    assert accept(other, KEYS, ALL) == accept(token, KEYS, ALL)


def members_with_key(algorithm):
    """Headers by which a token brings the key that signed it."""
    jwk = public_jwk(algorithm, FOREIGN[algorithm], kid="k")
    return {
        "jwk (CVE-2018-0114)": {"jwk": jwk},
        "jku": {"jku": "URL"},
        "jku and kid": {"jku": "URL", "kid": "k"},
        "x5u": {"x5u": "URL"},
        "x5c": {"x5c": [base64.b64encode(json.dumps(jwk).encode()).decode()]},
        "kid as an address": {"kid": "URL"},
        "iss as an address": {"iss": "URL"},
    }


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("name", members_with_key("ES256"))
def test_key_that_a_token_brings_is_neither_used_nor_fetched(algorithm, name):
    """RFC 8725, 2.9 and 3.10: a request to an address in a token would be forged by its sender (SSRF)."""
    evil = Issuer()
    with serve(evil) as url:
        header = {
            member: url if value == "URL" else value
            for member, value in members_with_key(algorithm)[name].items()
        }
        token = jwt.encode(CLAIMS, FOREIGN[algorithm], algorithm, header)
        assert refusal(token, KEYS, ALL) == (401, "signature")
    assert evil.requests == 0


class Keys:
    """The issuer's keys as `IssuerKeys` hands them out, and the secrets."""

    def __init__(self, keys):
        self.keys = keys

    def public_keys(self, key_id, algorithm, now):
        return [key for key in self.keys if key.algorithm == algorithm and key_id in {None, key.key_id}]

    def signing_keys(self, now):
        return [SECRET]


def test_key_id_of_one_algorithm_gives_no_key_of_another():
    """RFC 8725, 3.1 and 3.5: a key is used with the one algorithm that it is for."""
    keys = Keys(key_set(*(public_jwk(name, private, kid=name) for name, private in PRIVATE.items())))
    verifier = TokenVerifier(ALL, keys, keys)
    for algorithm, private in PRIVATE.items():
        assert verifier.identify(jwt.encode(CLAIMS, private, algorithm, {"kid": algorithm}), NOW)
        for other in PRIVATE.keys() - {algorithm}:
            with pytest.raises(TokenRefused, match="signature"):
                verifier.identify(jwt.encode(CLAIMS, private, algorithm, {"kid": other}), NOW)


def rsa_entry(bits=None, **members):
    """The entry of an RSA key, with members changed."""
    modulus = {} if bits is None else {"n": segment(b"\xff" * (bits // 8))}
    return public_jwk("RS256", PRIVATE["RS256"]) | modulus | members


def point_on_another_curve():
    other = get_default_algorithms()["ES384"].to_jwk(ec.generate_private_key(ec.SECP384R1()), as_dict=True)
    return {"kty": "EC", "crv": "P-256", "x": other["x"], "y": other["y"]}


BAD_KEYS = {
    "RFC 8725, 2.2: RSA of 1,024 bits": rsa_entry(1024),
    "RFC 8725, 2.2: RSA of 2,040 bits": rsa_entry(2040),
    "RSA with the exponent 1: each text is its own signature": rsa_entry(e="AQ"),
    "RSA with the exponent 0": rsa_entry(e="AA"),
    "RSA with an even exponent": rsa_entry(e="Ag"),
    "RSA without an exponent": rsa_entry(e=""),
    "RSA with a modulus of 0": rsa_entry(n="AA"),
    "RSA with numbers for texts": rsa_entry(e=65537),
    "RSA with null": rsa_entry(n=None),
    "RSA with other letters": rsa_entry(n="é"),
    "RFC 8725, 2.5: a point of another curve": point_on_another_curve(),
    "RFC 8725, 2.5: not on the curve": {
        "kty": "EC",
        "crv": "P-256",
        "x": segment(b"\x01" * 32),
        "y": segment(b"\x02" * 32),
    },
    "RFC 8725, 2.5: the point at infinity": {
        "kty": "EC",
        "crv": "P-256",
        "x": segment(b"\x00" * 32),
        "y": segment(b"\x00" * 32),
    },
    "curve P-256K": {"kty": "EC", "crv": "secp256k1", "x": segment(b"\x01" * 32), "y": segment(b"\x02" * 32)},
    "curve as a list": {"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"},
    "Edwards key of 31 bytes": {"kty": "OKP", "crv": "Ed25519", "x": segment(b"\x01" * 31)},
    "X25519, for agreement": {"kty": "OKP", "crv": "X25519", "x": segment(b"\x01" * 32)},
    "type as a list": {"kty": ["RSA"], "n": "AQAB", "e": "AQAB"},
    "operations with a list in it": rsa_entry(key_ops=[["verify"]]),
    "use as a list": rsa_entry(use=["sig"]),
    "algorithm as a list": rsa_entry(alg=["RS256"]),
    "key id as a list": rsa_entry(kid=["k"]),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_weak_or_malformed_key_of_a_key_set_is_left_out(name):
    good = public_jwk("ES256", PRIVATE["ES256"])
    assert [key.algorithm for key in key_set(BAD_KEYS[name], good)] == ["ES256"]


@pytest.mark.parametrize("entry", [rsa_entry(65_536), rsa_entry(32_768, e=segment(b"\xff" * 4096))])
def test_key_that_takes_minutes_to_verify_is_left_out(entry):
    """Its issuer could be made to publish it: each verification costs the square of the length."""
    good = public_jwk("ES256", PRIVATE["ES256"])
    assert [key.algorithm for key in key_set(entry, good)] == ["ES256"]


SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PKCS1 = serialization.PublicFormat.PKCS1
PEM, DER, SSH = serialization.Encoding.PEM, serialization.Encoding.DER, serialization.Encoding.OpenSSH


def key_texts(algorithm):
    """A public key as people store it."""
    key = PRIVATE[algorithm].public_key()
    pem = key.public_bytes(PEM, SPKI).decode()
    ssh = key.public_bytes(SSH, serialization.PublicFormat.OpenSSH).decode()
    bare = base64.b64encode(key.public_bytes(DER, SPKI)).decode()
    return {
        "PEM": pem,
        "PEM after a blank line": "\n" + pem,
        "PEM after a byte-order mark": "\ufeff" + pem,
        "PEM after other text (CVE-2023-48223)": f"Public Key:\n{pem}",
        "SSH (CVE-2022-29217)": ssh,
        "SSH with options": f"no-pty {ssh} ann@host",
        "SSH of RFC 4716": f"---- BEGIN SSH2 PUBLIC KEY ----\n{ssh.split()[1]}\n",
        "SSH without its name": ssh.split()[1],
        "bare base64": bare,
        "bare base64 in lines": "\n".join(pem.splitlines()[1:-1]),
        "bare base64url without padding": bare.translate({43: "-", 47: "_"}).rstrip("="),
        "PKCS 1": key.public_bytes(PEM, PKCS1).decode() if algorithm == "RS256" else pem,
        "bare PKCS 1": base64.b64encode(key.public_bytes(DER, PKCS1)).decode()
        if algorithm == "RS256"
        else bare,
        "JWK": json.dumps(public_jwk(algorithm, PRIVATE[algorithm])),
    }


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("form", key_texts("ES256"))
def test_public_key_that_was_stored_as_a_secret_verifies_nothing(algorithm, form):
    """RFC 8725, 2.1; CVE-2015-9235, CVE-2016-10555, CVE-2017-11424, CVE-2024-33663."""
    public = key_texts(algorithm)[form]
    assert refusal(signed(secret=public), [public, SECRET]) == (401, "signature")
    assert accept(signed(), [public, SECRET]).user_id == "user-1"


@pytest.mark.parametrize(
    "secret",
    [
        "0123456789abcdef" * 4,
        "MIIC" * 9,
        "correct horse battery staple and ssh-agents",
        "ab/+" * 20,
        '{"kty":"oct","k":"a-b-c"}',
    ],
)
def test_secret_that_only_resembles_a_public_key_verifies(secret):
    assert accept(signed(secret=secret + "?" * 8), [secret + "?" * 8]).user_id == "user-1"
