"""Public keys from a JWKS URL, with a real HTTP server that rotates keys, fails and responds slowly."""

import json
import time

import pytest

from realtime_core.auth import jwks
from realtime_core.auth.jwks import JwksKeys
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.errors import StoreUnavailable, TokenRefused
from tests.contract.support.cases import DAY, HOUR, NOW
from tests.issuer import KEY_GENERATORS, Issuer, public_jwk, serve

MINUTE = 60
RULES = TokenRules(("RS256", "ES256", "EdDSA"))


@pytest.fixture
def issuer():
    issuer = Issuer()
    issuer.add_key("k1")
    return issuer


@pytest.fixture
def url(issuer):
    with serve(issuer) as at:
        yield at


@pytest.fixture
def keys(url):
    return JwksKeys(url)


@pytest.fixture
def verifier(keys):
    return TokenVerifier(RULES, None, keys)


def status(verifier, token, now=NOW):
    """None if the token is accepted, else the HTTP status of the handshake."""
    try:
        verifier.identify(token, now)
    except TokenRefused as refused:
        return refused.status
    return None


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_token_of_a_published_key_names_its_user(issuer, verifier, algorithm):
    issuer.add_key("k2", algorithm)
    assert verifier.identify(issuer.token("k2", "ben", now=NOW, jti="t-1"), NOW).user_id == "ben"


def test_keys_are_fetched_once_an_hour(issuer, verifier):
    for second in (0, 1, MINUTE, HOUR - 1):
        assert status(verifier, issuer.token("k1", now=NOW), NOW + second) is None
    assert issuer.requests == 1
    assert status(verifier, issuer.token("k1", now=NOW), NOW + HOUR) is None
    assert issuer.requests == 2


def test_new_key_is_fetched_when_a_token_names_it(issuer, verifier):
    assert status(verifier, issuer.token("k1", now=NOW)) is None
    issuer.add_key("k2")
    assert status(verifier, issuer.token("k2", now=NOW), NOW + MINUTE) is None
    assert status(verifier, issuer.token("k1", now=NOW), NOW + MINUTE) is None
    assert issuer.requests == 2


def test_withdrawn_key_is_rejected_within_the_hour(issuer, verifier):
    assert status(verifier, issuer.token("k1", now=NOW)) is None
    issuer.add_key("k2")
    issuer.withdraw_key("k1")
    assert status(verifier, issuer.token("k1", now=NOW), NOW + HOUR) == 401


def test_unknown_key_ids_cause_one_fetch_a_minute(issuer, verifier):
    foreign = Issuer()
    foreign.add_key("k1")
    for number in range(50):
        assert status(verifier, foreign.token("k1", kid=f"made-up-{number}", now=NOW), NOW + number) == 401
    assert issuer.requests == 1
    for number in range(50):
        assert status(verifier, foreign.token("k1", kid=f"x-{number}", now=NOW), NOW + MINUTE + number) == 401
    assert issuer.requests == 2


def test_foreign_key_with_a_known_id_is_rejected_without_a_fetch(issuer, verifier):
    assert status(verifier, issuer.token("k1", now=NOW)) is None
    foreign = Issuer()
    foreign.add_key("k1")
    assert status(verifier, foreign.token("k1", now=NOW), NOW + MINUTE) == 401
    assert issuer.requests == 1


def test_token_without_a_key_id_matches_any_key_of_its_algorithm(issuer, verifier):
    for number, algorithm in enumerate(("ES256", "RS256", "EdDSA")):
        issuer.add_key(f"other-{number}", algorithm)
    for key_id in issuer.private:
        assert status(verifier, issuer.token(key_id, kid=None, now=NOW)) is None
    foreign = Issuer()
    foreign.add_key("k1")
    assert status(verifier, foreign.token("k1", kid=None, now=NOW)) == 401
    assert issuer.requests == 1


def test_keys_are_those_of_the_algorithm_alone(issuer, keys):
    algorithms = ("ES256", "RS256", "EdDSA", "HS256")
    for algorithm in algorithms[:3]:
        issuer.add_key(f"of-{algorithm}", algorithm)
    found = [{key.key_id for key in keys.public_keys(None, name, NOW)} for name in algorithms]
    assert found == [{"k1", "of-ES256"}, {"of-RS256"}, {"of-EdDSA"}, set()]
    assert keys.public_keys("of-RS256", "ES256", NOW) == []


def test_cached_keys_are_used_for_a_day_while_the_issuer_is_down(issuer):
    with serve(issuer) as url:
        verifier = TokenVerifier(RULES, None, JwksKeys(url))
        assert status(verifier, issuer.token("k1", now=NOW)) is None
    token = issuer.token("k1", now=NOW, exp=NOW + 9 * DAY)
    for later in (HOUR, 5 * HOUR, DAY - 1):
        assert status(verifier, token, NOW + later) is None
    with pytest.raises(StoreUnavailable, match="could not be fetched"):
        verifier.identify(token, NOW + DAY + MINUTE)


def test_recovered_issuer_is_used_within_a_minute(issuer):
    with serve(issuer) as url:
        verifier = TokenVerifier(RULES, None, JwksKeys(url))
        assert status(verifier, issuer.token("k1", now=NOW)) is None
    port = int(url.split(":")[2].split("/")[0])
    assert status(verifier, issuer.token("k1", now=NOW), NOW + HOUR) is None
    issuer.add_key("k2")
    with serve(issuer, port):
        new = issuer.token("k2", now=NOW + HOUR)
        assert status(verifier, new, NOW + HOUR + MINUTE - 1) == 401
        assert status(verifier, new, NOW + HOUR + MINUTE) is None


def test_issuer_that_was_never_reachable_raises_and_is_retried_after_seconds(issuer):
    with serve(issuer) as url:
        pass
    port = int(url.split(":")[2].split("/")[0])
    verifier, token = TokenVerifier(RULES, None, JwksKeys(url)), issuer.token("k1", now=NOW)
    with pytest.raises(StoreUnavailable):
        verifier.identify(token, NOW)
    with serve(issuer, port):
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            verifier.identify(token, NOW + 4)
        assert issuer.requests == 0
        assert status(verifier, token, NOW + 5) is None


def reply(body, status=200, **headers):
    def respond(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def valid_set():
    return json.dumps({"keys": [public_jwk("ES256", KEY_GENERATORS["ES256"](), kid="k9")]}).encode()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(b"", 500), "HTTP status 500"),
        (reply(valid_set(), 404), "HTTP status 404"),
        (reply(b"", 302, Location="http://127.0.0.1:1/keys.json"), "HTTP status 302"),
        (reply(b"<html>"), "not JSON"),
        (reply(b"[]"), "no list `keys`"),
        (reply(b'{"keys":{}}'), "no list `keys`"),
        (reply(b'{"keys":[]}'), "no keys for signatures"),
        (reply(valid_set() + b" " * jwks.KEY_SET_BYTES_MAX), "larger than"),
    ],
)
def test_invalid_response_keeps_the_cached_keys(issuer, verifier, capsys, answer, reason):
    assert status(verifier, issuer.token("k1", now=NOW)) is None
    issuer.respond = answer
    assert status(verifier, issuer.token("k1", now=NOW), NOW + HOUR) is None
    assert issuer.requests == 2
    assert reason in capsys.readouterr().out


def hang(handler):
    time.sleep(5)


def drip(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(50):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(50):
        handler.wfile.write(f"X-{number}: 1\r\n".encode())
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [hang, drip, drip_headers])
def test_slow_issuer_delays_a_handshake_by_three_seconds_at_most(issuer, keys, monkeypatch, answer):
    assert jwks.FETCH_SECONDS <= 3
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 1.3)
    issuer.respond = answer
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        keys.public_keys("k1", "ES256", NOW)
    assert time.monotonic() - began < 1.3


def test_request_for_the_keys_names_the_service(issuer, verifier):
    """Some issuers' firewalls refuse requests without a User-Agent: every handshake would be a 500."""
    assert status(verifier, issuer.token("k1", now=NOW)) is None
    assert issuer.request_headers["User-Agent"] == "deals-websocket-service"
