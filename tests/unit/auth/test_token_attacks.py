"""Attacks on tokens, each by its name: those that RFC 8725 lists, and those of published advisories.

Attacks on public keys are in `test_key_attacks`. Each token here is signed with the right secret unless the
attack is on the signature, so what refuses it is the rule that the attack is about.
"""

import json
import zlib

import pytest

from realtime_core.auth.jws import TOKEN_CHARS_MAX, parse_token
from realtime_core.auth.tokens import TokenRules
from realtime_core.errors import TokenRefused
from tests.unit.auth.token_texts import (
    CLAIMS,
    HEADER,
    NOW,
    SECRET,
    accept,
    refusal,
    segment,
    signed,
    with_claims,
    with_header,
)

GOOD_HEADER, GOOD_CLAIMS, GOOD_SIGNATURE = signed().split(".")
CLAIMS_TEXT = json.dumps(CLAIMS)


def unsigned(algorithm):
    return f"{segment({'alg': algorithm})}.{GOOD_CLAIMS}."


def member_twice(text, name, value):
    """The JSON of an object with one more member, whose name may stand in it already."""
    return f"{text[:-1]}, {json.dumps(name)}: {json.dumps(value)}}}"


def non_canonical(text):
    """Another base64url text of the same bytes: it differs in bits that a decoder drops (RFC 4648, 3.5)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


HEAD_AND_CLAIMS = f"{GOOD_HEADER}.{GOOD_CLAIMS}"

MALFORMED, ALGORITHM, SIGNATURE = (401, "malformed"), (401, "algorithm"), (401, "signature")

ATTACKS = {
    # RFC 8725, 2.1 and 3.1: the algorithm, which the attacker writes.
    "8725-2.1 none (CVE-2020-15957, CVE-2022-23540)": (unsigned("none"), ALGORITHM),
    "8725-2.1 None": (unsigned("None"), ALGORITHM),
    "8725-2.1 NONE": (unsigned("NONE"), ALGORITHM),
    "8725-2.1 nOnE": (unsigned("nOnE"), ALGORITHM),
    "8725-2.1 none with a space": (unsigned("none "), ALGORITHM),
    "8725-2.1 none with a null character": (unsigned("none\x00"), ALGORITHM),
    "8725-2.1 no algorithm": (f"{segment({'typ': 'JWT'})}.{GOOD_CLAIMS}.", ALGORITHM),
    "8725-2.1 null": (unsigned(None), ALGORITHM),
    "8725-2.1 a list of algorithms": (with_header(alg=["HS256"]), ALGORITHM),
    "8725-2.1 an object": (with_header(alg={"HS256": True}), ALGORITHM),
    "8725-2.1 true": (with_header(alg=True), ALGORITHM),
    "8725-3.1 hs256": (with_header(alg="hs256"), ALGORITHM),
    "8725-3.1 HS256 with a newline": (with_header(alg="HS256\n"), ALGORITHM),
    "8725-3.1 HS256 in look-alike letters": (with_header(alg="\u041dS256"), ALGORITHM),
    "8725-3.1 HS384, which is not accepted": (signed({"alg": "HS384"}, hash_="sha384"), ALGORITHM),
    "8725-3.1 HS512, which is not accepted": (signed({"alg": "HS512"}, hash_="sha512"), ALGORITHM),
    "8725-3.1 HS1": (signed({"alg": "HS1"}, hash_="sha1"), ALGORITHM),
    "8725-3.1 RS256 with the secret": (with_header(alg="RS256"), ALGORITHM),
    "8725-2.1 dir, of encryption": (with_header(alg="dir", enc="A128GCM"), ALGORITHM),
    "8725-2.1 PBES2 with a huge count (CVE-2022-36083)": (
        with_header(alg="PBES2-HS256+A128KW", p2c=2**31 - 1, p2s="x"), ALGORITHM
    ),
    # RFC 8725, 2.2 and 3.5: keys that can be guessed; and no key at all.
    "8725-2.2 signed with an empty secret (CVE-2019-20933)": (signed(secret=b""), SIGNATURE),
    "8725-2.2 signed with null bytes": (signed(secret=b"\x00" * 32), SIGNATURE),
    "8725-2.2 signed with the secret's beginning": (signed(secret=SECRET[:-1]), SIGNATURE),
    "8725-2.2 signed with a known word": (signed(secret="your-256-bit-secret"), SIGNATURE),
    # RFC 8725, 2.5 and 3.3: the signature.
    "8725-3.3 empty signature (CVE-2020-28042)": (f"{HEAD_AND_CLAIMS}.", SIGNATURE),
    "8725-3.3 no signature and no dot": (HEAD_AND_CLAIMS, MALFORMED),
    "8725-3.3 first half of the signature": (f"{HEAD_AND_CLAIMS}.{GOOD_SIGNATURE[:20]}", SIGNATURE),
    "8725-3.3 signature and more": (f"{HEAD_AND_CLAIMS}.{GOOD_SIGNATURE[:40]}AAAA", SIGNATURE),
    "8725-3.3 signature of another token": (
        f"{GOOD_HEADER}.{segment({**CLAIMS, 'sub': 'admin'})}.{GOOD_SIGNATURE}", SIGNATURE
    ),
    "8725-3.3 signature in hexadecimal": (f"{HEAD_AND_CLAIMS}.{'0f' * 32}", SIGNATURE),
    "8725-3.3 signature of null bytes": (f"{HEAD_AND_CLAIMS}.{'A' * 43}", SIGNATURE),
    "8725-3.3 the expected signature as its claims": (
        f"{GOOD_HEADER}.{GOOD_SIGNATURE}.{GOOD_CLAIMS}", SIGNATURE
    ),
    # Several texts of one token (RFC 4648, 3.5; RFC 7515, 2 and 3.1).
    "7515-2 padding": (signed() + "=", MALFORMED),
    "7515-2 padding of the header": (f"{GOOD_HEADER}==.{GOOD_CLAIMS}.{GOOD_SIGNATURE}", MALFORMED),
    "4648-3.5 other trailing bits": (f"{HEAD_AND_CLAIMS}.{non_canonical(GOOD_SIGNATURE)}", MALFORMED),
    "7515-2 base64 with + and /": (f"{HEAD_AND_CLAIMS}.{GOOD_SIGNATURE[:-2]}+/", MALFORMED),
    "7515-2 newline at the end": (signed() + "\n", MALFORMED),
    "7515-2 space at the beginning": (" " + signed(), MALFORMED),
    "7515-2 newline in the signature (CVE-2022-25898)": (
        f"{HEAD_AND_CLAIMS}.{GOOD_SIGNATURE[:9]}\n{GOOD_SIGNATURE[9:]}", MALFORMED
    ),
    "7515-2 null character": (signed() + "\x00", MALFORMED),
    "7515-2 letters of full width": (f"{HEAD_AND_CLAIMS}.\uff21{GOOD_SIGNATURE[1:]}", MALFORMED),
    "7515-3.1 dot at the end": (signed() + ".", MALFORMED),
    "7515-3.1 dot at the beginning": ("." + signed(), MALFORMED),
    "7515-3.1 empty claims": (signed(claims=b""), MALFORMED),
    "7515-3.1 empty header": (signed(header=b""), MALFORMED),
    "7515-3.1 only dots (CVE-2025-30204)": ("." * 5000, MALFORMED),
    "7515-7.2 JSON serialization (CVE-2022-39227)": (
        json.dumps({"protected": GOOD_HEADER, "payload": GOOD_CLAIMS, "signature": GOOD_SIGNATURE}), MALFORMED
    ),
    "7515-7.2 JSON serialization with dots (CVE-2022-39227)": (
        json.dumps({f" {GOOD_HEADER}.{segment({'sub': 'admin'})}.": "", "protected": GOOD_HEADER}), MALFORMED
    ),
    "7516-3.1 five parts of encryption": (f"{signed()}.AAAA.AAAA", MALFORMED),
    "a token longer than any header": (with_claims(more="x" * TOKEN_CHARS_MAX), MALFORMED),
    # RFC 8725, 2.4 and 3.6: compression. Nothing is ever decompressed.
    "8725-3.6 compressed claims": (
        signed({**HEADER, "zip": "DEF"}, zlib.compress(CLAIMS_TEXT.encode())[2:-4]), MALFORMED
    ),
    "8725-3.6 a bomb (CVE-2024-33664)": (
        signed({**HEADER, "zip": "DEF"}, zlib.compress(b" " * 4_000_000, 9)[2:-4]), MALFORMED
    ),
    # RFC 8725, 2.6 and 3.7: encodings of the JSON.
    "8725-3.7 UTF-16": (signed(claims=CLAIMS_TEXT.encode("utf-16")), MALFORMED),
    "8725-3.7 UTF-8 with a byte-order mark": (
        signed(claims=b"\xef\xbb\xbf" + CLAIMS_TEXT.encode()), MALFORMED
    ),
    "8725-3.7 overlong UTF-8": (signed(claims=CLAIMS_TEXT.encode().replace(b"u", b"\xc1\xb5")), MALFORMED),
    "8725-3.7 half of a surrogate pair": (with_claims(sub="\ud800"), MALFORMED),
    # RFC 7515, 4, and RFC 7519, 4: names that stand twice.
    "7515-4 algorithm twice": (signed(member_twice('{"alg": "none"}', "alg", "HS256")), MALFORMED),
    "7515-4 key id twice": (signed(member_twice('{"alg": "HS256", "kid": "a"}', "kid", "b")), MALFORMED),
    "7519-4 subject twice": (signed(claims=member_twice(CLAIMS_TEXT, "sub", "admin")), MALFORMED),
    "7519-4 expiry twice": (signed(claims=member_twice(CLAIMS_TEXT, "exp", NOW + 10**6)), MALFORMED),
    "7519-4 subject twice by an escape": (
        signed(claims=CLAIMS_TEXT[:-1] + ', "s\\u0075b": "admin"}'), MALFORMED
    ),
    "7519-4 a name twice within a claim": (
        signed(claims=CLAIMS_TEXT[:-1] + ', "a": {"b": 1, "b": 2}}'), MALFORMED
    ),
    # RFC 7515, 4.1.11, and RFC 7797: headers that change how the rest is read.
    "7515-4.1.11 critical (CVE-2025-59420)": (with_header(crit=["exp"], exp=1), MALFORMED),
    "7515-4.1.11 critical and empty": (with_header(crit=[]), MALFORMED),
    "7515-4.1.11 critical and null": (with_header(crit=None), MALFORMED),
    "7797-7 b64 false": (with_header(b64=False), MALFORMED),
    "7797-7 b64 false and critical": (with_header(b64=False, crit=["b64"]), MALFORMED),
    "7797-7 claims that are not encoded": (
        f"{segment({**HEADER, 'b64': False})}.{CLAIMS_TEXT}.AAAA", MALFORMED
    ),
    # RFC 8725, 3.10: what the header says of keys is not believed.
    "8725-3.10 key id as a list": (with_header(kid=["k"]), MALFORMED),
    "8725-3.10 key id as an object": (with_header(kid={"$ne": None}), MALFORMED),
    "8725-3.10 key id as a number": (with_header(kid=0), MALFORMED),
    # RFC 8725, 2.3 and 3.5: a token in a token.
    "8725-2.3 nested token": (signed({**HEADER, "cty": "JWT"}, signed()), MALFORMED),
    "8725-2.3 nested token as a text": (signed({**HEADER, "cty": "JWT"}, json.dumps(signed())), MALFORMED),
    # RFC 8725, 2.8 and 3.11: tokens for another purpose.
    "8725-3.11 logout token": (with_header(typ="logout+jwt"), (401, "type")),
    "8725-3.11 security event": (with_header(typ="secevent+jwt"), (401, "type")),
    "8725-3.11 proof of possession": (with_header(typ="application/dpop+jwt"), (401, "type")),
    "8725-3.11 in capitals": (with_header(typ="Logout+JWT"), (401, "type")),
    "8725-3.11 type as a list": (with_header(typ=["JWT"]), MALFORMED),
    "8725-2.8 an identity token, without the scope": (with_claims(scope="openid"), (403, "scope")),
    "8725-2.8 a scope that begins alike": (with_claims(scope="websocket.read"), (403, "scope")),
    "8725-2.8 a scope with look-alike letters": (with_claims(scope="web\u0455ocket"), (403, "scope")),
    "8725-2.8 a scope in a list in a list": (with_claims(scope=[["websocket"]]), (403, "scope")),
    # RFC 7519, 4.1.4 to 4.1.6: times.
    "7519-4.1.4 expiry as a text": (with_claims(exp=str(NOW + 60)), MALFORMED),
    "7519-4.1.4 expiry as a list": (with_claims(exp=[NOW + 60]), MALFORMED),
    "7519-4.1.4 expiry null": (with_claims(exp=None), MALFORMED),
    "7519-4.1.4 expiry true": (with_claims(exp=True), MALFORMED),
    "7519-4.1.4 expiry negative": (with_claims(exp=-1), MALFORMED),
    "7519-4.1.4 expiry beyond 64 bits": (with_claims(exp=2**64), MALFORMED),
    "7519-4.1.4 expiry of 4,000 digits (CVE-2020-10735)": (
        signed(claims=CLAIMS_TEXT.replace(str(NOW + 3600), "9" * 4000)), MALFORMED
    ),
    "7519-4.1.4 expiry 1e400": (signed(claims=CLAIMS_TEXT.replace(str(NOW + 3600), "1e400")), MALFORMED),
    "7519-4.1.4 expiry NaN": (with_claims(exp=float("nan")), MALFORMED),
    "7519-4.1.4 expiry Infinity": (with_claims(exp=float("inf")), MALFORMED),
    "7519-4.1.4 expiry in milliseconds": (with_claims(exp=(NOW + 60) * 1000), MALFORMED),
    "7519-4.1.6 issue NaN": (with_claims(iat=float("nan")), MALFORMED),
    "7519-4.1.6 issue negative": (with_claims(iat=-(2**63)), MALFORMED),
    "7519-4.1.5 not before Infinity": (with_claims(nbf=float("inf")), MALFORMED),
    "7519-4.1.5 not before null": (with_claims(nbf=None), MALFORMED),
    # RFC 8725, 3.8: the subject.
    "8725-3.8 subject in Cyrillic letters": (with_claims(sub="us\u0435r-1"), (401, "subject")),
    "8725-3.8 subject in letters of full width": (with_claims(sub="\uff55ser-1"), (401, "subject")),
    "8725-3.8 subject with a mark that is not seen": (with_claims(sub="user-1\u200b"), (401, "subject")),
    "8725-3.8 subject with a reversal of writing": (with_claims(sub="\u202euser-1"), (401, "subject")),
    "8725-3.8 subject with a null character": (with_claims(sub="user-1\x00"), (401, "subject")),
    "8725-3.8 subject with a newline": (with_claims(sub="user-1\n"), (401, "subject")),
    "8725-3.8 subject with the mark of a table's key": (with_claims(sub="u#user-1"), (401, "subject")),
    "8725-3.8 subject as a list": (with_claims(sub=["user-1"]), (401, "subject")),
    "8725-3.8 subject as an object": (with_claims(sub={"S": "user-1"}), (401, "subject")),
    "8725-3.8 subject true": (with_claims(sub=True), (401, "subject")),
    "8725-3.8 token id as a list": (with_claims(jti=["t"]), MALFORMED),
    "8725-3.8 claims in a list": (signed(claims=[CLAIMS]), MALFORMED),
    "8725-3.8 claims 64 levels deep": (signed(claims=b'{"a":' * 70 + b"1" + b"}" * 70), MALFORMED),
    "8725-3.8 claims a thousand levels deep": (signed(claims=b"[" * 3000), MALFORMED),
    "8725-3.8 claims and more": (signed(claims=CLAIMS_TEXT + CLAIMS_TEXT), MALFORMED),
    "8725-3.8 claims with a comment": (signed(claims=CLAIMS_TEXT[:-1] + "/**/}"), MALFORMED),
}  # fmt: skip


def test_the_token_that_the_attacks_change_is_good():
    assert accept(signed()).user_id == "user-1"
    assert accept(f"{GOOD_HEADER}.{GOOD_CLAIMS}.{GOOD_SIGNATURE}").user_id == "user-1"


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused(name):
    token, expected = ATTACKS[name]
    assert refusal(token) == expected


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"])
def test_access_token_may_say_its_type(typ):
    assert accept(with_header(typ=typ)).user_id == "user-1"


ISSUER = "https://id.example.com/"
OUR_RULES = TokenRules(issuer=ISSUER, audience="deals")
OUR_CLAIMS = {"iss": ISSUER, "aud": "deals"}
CONFUSIONS = {
    "8725-3.9 no audience": ({"aud": None}, "audience"),
    "8725-3.9 empty list": ({"aud": []}, "audience"),
    "8725-3.9 another audience": ({"aud": "deals-admin"}, "audience"),
    "8725-3.9 part of the audience": ({"aud": "deal"}, "audience"),
    "8725-3.9 letters of the audience": ({"aud": list("deals")}, "audience"),
    "8725-3.9 in capitals": ({"aud": "Deals"}, "audience"),
    "8725-3.9 with a space": ({"aud": "deals "}, "audience"),
    "8725-3.9 in a text of several": ({"aud": "other deals"}, "audience"),
    "8725-3.9 name of an object": ({"aud": {"deals": True}}, "audience"),
    "8725-3.9 list in a list": ({"aud": [["deals"]]}, "audience"),
    "8725-3.9 true": ({"aud": True}, "audience"),
    "8725-3.8 no issuer": ({"iss": None}, "issuer"),
    "8725-3.8 part of the issuer (CVE-2024-53861)": ({"iss": "https://id.example.com"}, "issuer"),
    "8725-3.8 empty issuer": ({"iss": ""}, "issuer"),
    "8725-3.8 issuer and more": ({"iss": ISSUER + "/evil"}, "issuer"),
    "8725-3.8 issuer in capitals": ({"iss": ISSUER.upper()}, "issuer"),
    "8725-3.8 issuer in a list (CVE-2025-30144)": ({"iss": [ISSUER]}, "issuer"),
    "8725-3.8 look-alike issuer": ({"iss": "https://id.ex\u0430mple.com/"}, "issuer"),
}


@pytest.mark.parametrize("name", CONFUSIONS)
def test_confusion_of_audience_or_issuer_is_refused(name):
    claims, reason = CONFUSIONS[name]
    assert accept(with_claims(**OUR_CLAIMS), rules=OUR_RULES).user_id == "user-1"
    assert refusal(with_claims(**OUR_CLAIMS | claims), rules=OUR_RULES) == (401, reason)


@pytest.mark.parametrize(
    "kid",
    [
        pytest.param("../../../../dev/null", id="a path"),
        pytest.param("' UNION SELECT 'secret", id="SQL"),
        pytest.param("key; rm -rf /", id="a command"),
        pytest.param("https://evil.example/key", id="an address"),
        pytest.param("__proto__", id="a prototype"),
        pytest.param("k" * 4000, id="a long text"),
    ],
)
def test_key_id_chooses_no_secret(kid):
    """RFC 8725, 3.10: the secrets have no ids, so `kid` is no way to any of them."""
    assert accept(with_header(kid=kid)).user_id == "user-1"
    assert refusal(signed({**HEADER, "kid": kid}, secret=b"")) == (401, "signature")
    assert refusal(signed({**HEADER, "kid": kid}, secret=kid)) == (401, "signature")


def test_token_of_any_length_is_refused_before_it_is_decoded(monkeypatch):
    """CVE-2025-30204: memory that grows with the number of dots. Nothing of a long token is looked at."""
    monkeypatch.setattr("realtime_core.auth.jws._bytes", lambda part: pytest.fail("decoded"))
    for token in ("." * 10_000_000, "a" * 10_000_000, signed() + "." * TOKEN_CHARS_MAX):
        with pytest.raises(TokenRefused):
            parse_token(token)
