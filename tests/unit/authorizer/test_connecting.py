"""The authorizer: who may connect, and its answers to API Gateway."""

import json
from pathlib import Path

import pytest

from authorizer import handler as authorizer
from authorizer.token_authorizer import TokenAuthorizer
from authorizer.wiring import Authorizers
from deals_ops.token_issuer import issue_token
from realtime_core.auth.base import Revocation, block
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.permissions import Permissions, decode_permissions
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.errors import StoreUnavailable, TokenRefused

NOW = 1_795_382_480
SECRET = "s" * 32
EVENT = json.loads(Path(__file__).parents[2].joinpath("events/authorizer_request.json").read_text())


@pytest.fixture
def connect_authorizer():
    """An authorizer, with its store of revocations as an attribute for the tests."""
    return TokenAuthorizer(
        TokenVerifier(TokenRules(), MemorySigningSecrets(SECRET), None), MemoryRevocations()
    )


def token(**claims):
    return issue_token("ann", SECRET, NOW, **claims)


def refusal(connect_authorizer, text, now=NOW):
    with pytest.raises(TokenRefused) as refused:
        connect_authorizer.authorize(text, now)
    return refused.value.status, refused.value.reason


def test_authorize_of_a_good_token_is_its_identity(connect_authorizer):
    identity = connect_authorizer.authorize(token(jti="t-1"), NOW)
    assert (identity.user_id, identity.issued_at, identity.token_id) == ("ann", NOW, "t-1")


def test_authorize_refuses_a_bad_token_before_any_store_is_asked(connect_authorizer):
    connect_authorizer.revocations.down = True
    assert refusal(connect_authorizer, issue_token("ann", "x" * 32, NOW)) == (401, "signature")


@pytest.mark.parametrize("revoked", [Revocation("ann", NOW, NOW), Revocation("ann", NOW, NOW, "t-1")])
def test_authorize_refuses_what_was_revoked(connect_authorizer, revoked):
    connect_authorizer.revocations.revoke(revoked)
    assert refusal(connect_authorizer, token(jti="t-1")) == (401, "revoked")
    assert connect_authorizer.authorize(token(jti="t-2", iat=NOW + 1), NOW).token_id == "t-2"


def test_a_revocation_outlasts_the_leeway_by_which_clocks_may_differ(connect_authorizer):
    """A token that has run out by less than the leeway still connects; not so a revoked one."""
    old = token(iat=NOW - 3600, exp=NOW - 20)
    assert connect_authorizer.authorize(old, NOW).user_id == "ann"
    connect_authorizer.revocations.revoke(Revocation("ann", NOW, NOW))
    assert refusal(connect_authorizer, old) == (401, "revoked")


def test_authorize_refuses_a_blocked_user_whatever_tokens_are_issued(connect_authorizer):
    connect_authorizer.revocations.revoke(block("ann", NOW))
    connect_authorizer.revocations.revoke(Revocation("ann", NOW, NOW))
    for claims in ({}, {"iat": NOW + 29}, {"jti": "new"}):
        assert refusal(connect_authorizer, token(**claims)) == (403, "blocked")
    assert connect_authorizer.authorize(issue_token("ben", SECRET, NOW), NOW).user_id == "ben"

    assert connect_authorizer.revocations.lift_block("ann")
    assert connect_authorizer.authorize(token(iat=NOW + 1), NOW).user_id == "ann"
    assert refusal(connect_authorizer, token()) == (401, "revoked"), "it was revoked besides"


def test_authorize_admits_nobody_whom_it_cannot_check(connect_authorizer):
    connect_authorizer.revocations.down = True
    with pytest.raises(StoreUnavailable):
        connect_authorizer.authorize(token(), NOW)


@pytest.fixture
def answers(connect_authorizer, monkeypatch):
    """The handler's answer to a handshake with a token."""
    authorizers = Authorizers(connect_authorizer, connect_authorizer, 30)
    monkeypatch.setattr(authorizer, "_authorizers", lambda: authorizers)
    monkeypatch.setattr(authorizer.time, "time", lambda: NOW)

    def answer(text):
        headers = {"Authorization": f"Bearer {text}"}
        return authorizer.handler({**EVENT, "headers": headers, "queryStringParameters": None}, None)

    return answer


@pytest.mark.parametrize("token_id", [None, "t-1"])
def test_handler_allows_with_a_flat_context_of_strings(answers, token_id):
    answer = answers(token(jti=token_id))
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    expected = {"userId": "ann", "tokenExp": str(NOW + 3600), "issuedAt": str(NOW)}
    assert answer["context"] == (expected if token_id is None else {**expected, "tokenId": token_id})


def test_handler_answers_a_bad_and_a_revoked_token_401(answers, connect_authorizer):
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        answers("rubbish")
    connect_authorizer.revocations.revoke(Revocation("ann", NOW, NOW))
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        answers(token())


def test_handler_answers_a_blocked_user_403_and_logs_who_it_was(answers, connect_authorizer, capsys):
    connect_authorizer.revocations.revoke(block("ann", NOW))
    answer = answers(token())
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert answer["context"] == {}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["event"] == "connect_refused"]
    assert (line["userId"], line["status"], line["reason"]) == ("ann", 403, "blocked")


@pytest.mark.parametrize("claims", [{"topics": ["Books"]}, {"recipients": ["x" * 99] * 50}])
def test_handler_answers_permissions_that_do_not_fit_403(answers, claims):
    if "recipients" in claims:
        claims = {"recipients": [f"{number:02}{text}" for number, text in enumerate(claims["recipients"])]}
    assert answers(token(**claims))["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_handler_hands_on_the_permissions(answers):
    context = answers(token(topics=["books.*", "private.a"], recipients=[]))["context"]
    assert decode_permissions(context) == Permissions(("books.*", "private.a"), ())
