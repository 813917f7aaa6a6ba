"""The authorizer: who may connect, and its answers to API Gateway."""

import json
from pathlib import Path

import pytest

from authorizer import handler as authorizer
from authorizer.connect_authorizer import ConnectAuthorizer
from authorizer.connection_limit import ConnectionLimit
from authorizer.room import Room
from deals_ops.token_issuer import issue_token
from realtime_core.auth.base import Revocation
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.tokens import TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.connections.base import Connection
from realtime_core.connections.memory import MemoryConnections
from realtime_core.errors import StoreUnavailable, TokenRefused
from realtime_core.push.memory import MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions

NOW = 1_795_382_480
SECRET = "s" * 32
EVENT = json.loads(Path(__file__).parents[2].joinpath("events/authorizer_request.json").read_text())


def authorizer_of(room=None, connections=None):
    """An authorizer for three connections a user, with the stores as attributes for the tests."""
    verifier = TokenVerifier(TokenRules(), MemorySigningSecrets(SECRET), None)
    connections = connections or MemoryConnections()
    limit = ConnectionLimit(
        connections,
        3,
        lambda: (
            room
            or Room(
                connections, MemorySubscriptions(connections), MemoryManagementApi(), replace_oldest=False
            )
        ),
    )
    made = ConnectAuthorizer(verifier, MemoryRevocations(), limit)
    made.connections = connections
    return made


@pytest.fixture
def connect_authorizer():
    return authorizer_of()


def token(**claims):
    return issue_token("ann", SECRET, NOW, **claims)


def refusal(connect_authorizer, text, now=NOW):
    with pytest.raises(TokenRefused) as refused:
        connect_authorizer.authorize(text, now)
    return refused.value.status, refused.value.reason


def open_connections(connect_authorizer, count, **changes):
    for number in range(count):
        connection = Connection(f"c{number}", "ann", NOW, NOW + 3600)
        connect_authorizer.connections.add(connection._replace(**changes))


def test_authorize_of_a_good_token_is_its_identity(connect_authorizer):
    identity = connect_authorizer.authorize(token(jti="t-1"), NOW)
    assert (identity.user_id, identity.issued_at, identity.token_id) == ("ann", NOW, "t-1")


def test_authorize_refuses_a_bad_token_before_any_store_is_asked(connect_authorizer):
    connect_authorizer.revocations.down = connect_authorizer.connections.down = True
    assert refusal(connect_authorizer, issue_token("ann", "x" * 32, NOW)) == (401, "signature")


@pytest.mark.parametrize("revoked", [Revocation("ann", NOW, NOW), Revocation("ann", NOW, NOW, "t-1")])
def test_authorize_refuses_what_was_revoked(connect_authorizer, revoked):
    connect_authorizer.revocations.revoke(revoked)
    assert refusal(connect_authorizer, token(jti="t-1")) == (403, "revoked")
    assert connect_authorizer.authorize(token(jti="t-2", iat=NOW + 1), NOW).token_id == "t-2"


def test_a_revocation_outlasts_the_leeway_by_which_clocks_may_differ(connect_authorizer):
    """A token that has run out by less than the leeway still connects; not so a revoked one."""
    old = token(iat=NOW - 3600, exp=NOW - 20)
    assert connect_authorizer.authorize(old, NOW).user_id == "ann"
    connect_authorizer.revocations.revoke(Revocation("ann", NOW, NOW))
    assert refusal(connect_authorizer, old) == (403, "revoked")


def test_authorize_refuses_one_connection_too_many(connect_authorizer):
    open_connections(connect_authorizer, 2)
    assert connect_authorizer.authorize(token(), NOW).user_id == "ann"
    open_connections(connect_authorizer, 3)
    assert refusal(connect_authorizer, token()) == (403, "too_many_connections")
    assert connect_authorizer.authorize(issue_token("ben", SECRET, NOW), NOW).user_id == "ben"


def test_authorize_does_not_count_what_is_over(connect_authorizer):
    open_connections(connect_authorizer, 3, token_exp=NOW - 61)
    assert connect_authorizer.authorize(token(), NOW).user_id == "ann"


@pytest.mark.parametrize("store", ["revocations", "connections"])
def test_authorize_admits_nobody_whom_it_cannot_check(connect_authorizer, store):
    getattr(connect_authorizer, store).down = True
    with pytest.raises(StoreUnavailable):
        connect_authorizer.authorize(token(), NOW)


@pytest.fixture
def answers(connect_authorizer, monkeypatch):
    """The handler's answer to a handshake with a token."""
    monkeypatch.setattr(authorizer, "_authorizer", lambda: connect_authorizer)
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


def test_handler_answers_a_bad_token_401_and_a_revoked_one_403(answers, connect_authorizer):
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        answers("rubbish")
    connect_authorizer.revocations.revoke(Revocation("ann", NOW, NOW))
    answer = answers(token())
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert answer["context"] == {}
