"""Keys that change while the service runs: secrets that rotate, and public keys of an issuer.

The authorizer is the shipped zip with the stack's own tables, each time in a new process, because a running
one may keep the previous keys for minutes.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from deals_ops.token_issuer import issue_token
from tests.e2e.shipped import ShippedFunction
from tests.issuer import Issuer, serve

EVENT = json.loads(Path(__file__).parents[1].joinpath("events/authorizer_request.json").read_text())
OLD, NEW = "o" * 40, "n" * 40


@pytest.fixture(scope="module")
def authorizer(stack, tmp_path_factory):
    return ShippedFunction(stack, "authorizer", tmp_path_factory.mktemp("authorizer"))


@pytest.fixture
def secret(stack):
    """A secret of this test alone: a function that writes its value, with the attribute `arn`."""
    client = stack.stack.client("secretsmanager")
    name = f"rotating-{time.time_ns()}"
    arn = client.create_secret(Name=name, SecretString=OLD)["ARN"]

    def write(value):
        text = value if isinstance(value, str) else json.dumps(value)
        client.put_secret_value(SecretId=arn, SecretString=text)

    write.arn = arn
    yield write
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def build_request(token):
    """Return the authorizer's event of a handshake with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return {**EVENT, "headers": headers, "queryStringParameters": None}


def authorize(authorizer, tokens, **environment):
    """Return `Allow`, `Deny` or the error for a handshake with each token, all in one process."""
    results = authorizer.invoke_all([build_request(token) for token in tokens], **environment)
    return [
        result["response"]["policyDocument"]["Statement"][0]["Effect"]
        if "response" in result
        else result["error"]
        for result in results
    ]


def test_rotating_secret_refuses_no_valid_token(authorizer, secret, user):
    now = time.time()
    old, new = issue_token(user, OLD, now), issue_token(user, NEW, now)

    def authorize_both():
        return authorize(authorizer, [old, new], JWT_SECRET_ARN=secret.arn)

    assert authorize_both() == ["Allow", "Unauthorized"]
    secret({"current": NEW, "previous": OLD})
    assert authorize_both() == ["Allow", "Allow"]
    secret({"current": NEW})
    assert authorize_both() == ["Unauthorized", "Allow"]


def test_invalid_secret_is_an_internal_error_and_lets_nobody_in(authorizer, secret, user):
    secret({"current": "short"})
    [error] = authorize(authorizer, [issue_token(user, "short", time.time())], JWT_SECRET_ARN=secret.arn)
    assert error not in {"Allow", "Deny", "Unauthorized"}, "API Gateway answers 500 to any other error"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_public_keys_of_an_issuer_open_connections_without_a_secret(authorizer, user, algorithm):
    issuer, stranger = Issuer(), Issuer()
    for signer in (issuer, stranger):
        signer.add_key("k1", algorithm)
    tokens = [
        issuer.token("k1", user),
        stranger.token("k1", user),
        issuer.token("k1", user, scope="other"),
        issue_token(user, "s" * 40, time.time()),
    ]
    with serve(issuer) as url:
        environment = {"JWT_ALGORITHMS": algorithm, "JWT_JWKS_URL": url, "JWT_SECRET_ARN": None}
        assert authorize(authorizer, tokens, **environment) == [
            "Allow",
            "Unauthorized",
            "Deny",
            "Unauthorized",
        ]
    assert issuer.requests == 1


def test_secret_and_public_keys_are_accepted_side_by_side(authorizer, secret, user):
    issuer = Issuer()
    issuer.add_key("k1")
    issuer.add_key("k2", "RS256")
    tokens = [issue_token(user, OLD, time.time()), issuer.token("k1", user), issuer.token("k2", user)]
    with serve(issuer) as url:
        environment = {"JWT_ALGORITHMS": "HS256,ES256", "JWT_JWKS_URL": url, "JWT_SECRET_ARN": secret.arn}
        assert authorize(authorizer, tokens, **environment) == ["Allow", "Allow", "Unauthorized"]


def test_unreachable_issuer_refuses_only_tokens_signed_with_its_keys(authorizer, secret, user):
    issuer = Issuer()
    issuer.add_key("k1")
    with serve(issuer) as url:
        pass
    tokens = [issue_token(user, OLD, time.time()), issuer.token("k1", user)]
    environment = {"JWT_ALGORITHMS": "HS256,ES256", "JWT_JWKS_URL": url, "JWT_SECRET_ARN": secret.arn}
    [shared, public] = authorize(authorizer, tokens, **environment)
    assert shared == "Allow"
    assert "could not be fetched" in public
