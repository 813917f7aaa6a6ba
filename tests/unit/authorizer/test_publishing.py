"""The authorizer of the publish API: who may publish, and its answers to an HTTP API."""

import json
from pathlib import Path

import pytest

from authorizer import handler as authorizer
from authorizer.token_authorizer import TokenAuthorizer
from authorizer.wiring import Authorizers
from deals_ops.token_issuer import issue_token
from realtime_core.auth.base import Revocation, block
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.auth.permissions import UNRESTRICTED, Permissions, decode_permissions
from realtime_core.auth.tokens import LEEWAY_SECONDS, ClaimNames, TokenRules
from realtime_core.auth.verifier import TokenVerifier
from realtime_core.errors import StoreUnavailable

NOW = 1_795_382_480
SECRET = "s" * 32
EVENTS = Path(__file__).parents[2] / "events"
REQUEST = json.loads((EVENTS / "http_authorizer_request.json").read_text())
HANDSHAKE = json.loads((EVENTS / "authorizer_request.json").read_text())


@pytest.fixture
def revocations(monkeypatch):
    rules = TokenRules(issuer="issuer", claims=ClaimNames(topics="may"))
    verifier = TokenVerifier(rules, MemorySigningSecrets(SECRET), None)
    store = MemoryRevocations()
    authorizers = Authorizers(
        TokenAuthorizer(verifier, store),
        TokenAuthorizer(verifier.for_scope("publish"), store),
        LEEWAY_SECONDS,
    )
    monkeypatch.setattr(authorizer, "_authorizers", lambda: authorizers)
    monkeypatch.setattr(authorizer.time, "time", lambda: NOW)
    return store


def token(**claims):
    return issue_token("shop", SECRET, NOW, **{"scope": "publish", "iss": "issuer", **claims})


def answer(text, **changes):
    return authorizer.handler({**REQUEST, "headers": {"authorization": f"Bearer {text}"}, **changes}, None)


@pytest.mark.usefixtures("revocations")
def test_publishers_token_is_let_in_with_its_permissions_and_its_end():
    given = answer(token(may=["books.*", "private.shop"], recipients=[]))
    assert given["isAuthorized"] is True
    context = given["context"]
    assert (context["userId"], context["validUntil"]) == ("shop", str(NOW + 3600 + LEEWAY_SECONDS))
    assert decode_permissions(context) == Permissions(("books.*", "private.shop"), ())
    assert all(isinstance(value, str) for value in context.values())


@pytest.mark.usefixtures("revocations")
def test_token_without_permissions_may_publish_what_is_public():
    assert decode_permissions(answer(token())["context"]) == UNRESTRICTED


@pytest.mark.usefixtures("revocations")
@pytest.mark.parametrize("scope", ["websocket", "publisher", "PUBLISH", "", ["websocket"]])
def test_token_of_another_scope_is_answered_403(scope):
    assert answer(token(scope=scope)) == {"isAuthorized": False}


@pytest.mark.usefixtures("revocations")
def test_token_for_publishing_opens_no_connection_and_one_for_both_does_both():
    def effect(text):
        event = {**HANDSHAKE, "headers": {"Authorization": f"Bearer {text}"}}
        return authorizer.handler(event, None)["policyDocument"]["Statement"][0]["Effect"]

    both = token(scope="websocket publish")
    assert (effect(token()), effect(both), answer(both)["isAuthorized"]) == ("Deny", "Allow", True)


@pytest.mark.usefixtures("revocations")
@pytest.mark.parametrize("claims", [{"may": "books"}, {"may": []}, {"may": ["Books"]}, {"recipients": [7]}])
def test_permissions_that_are_not_understood_are_answered_403_and_permit_nothing(claims):
    assert answer(token(**claims)) == {"isAuthorized": False}


@pytest.mark.usefixtures("revocations")
@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"authorization": "Bearer rubbish"}},
        {"headers": {}},
        {"headers": None},
        {"headers": {"authorization": f"Basic {token()}"}},
        {"headers": {"sec-websocket-protocol": f"deals.v1, {token()}"}},
        {"headers": {}, "queryStringParameters": {"token": token()}, "rawQueryString": f"token={token()}"},
        {"headers": {"authorization": f"Bearer {token(iss='other')}"}},
        {"headers": {"authorization": f"Bearer {token(exp=NOW - LEEWAY_SECONDS)}"}},
    ],
    ids=["bad", "none", "no headers", "other scheme", "subprotocol", "query", "other issuer", "expired"],
)
def test_what_another_token_may_help_is_answered_401(changes):
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        answer("", **changes)


def test_revoked_token_is_answered_401_and_a_blocked_user_403(revocations, capsys):
    revocations.revoke(Revocation("shop", NOW, NOW))
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        answer(token())
    revocations.revoke(block("shop", NOW))
    assert answer(token(iat=NOW + 9)) == {"isAuthorized": False}

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    refused = [(line["status"], line["reason"]) for line in lines if line["event"] == "publisher_refused"]
    assert refused == [(401, "revoked"), (403, "blocked")]


def test_nobody_is_let_in_who_cannot_be_checked(revocations, published):
    revocations.down = True
    with pytest.raises(StoreUnavailable):
        answer(token())
    assert published()["AuthorizerFaults",] == [1]
