"""Keys that change under a running service: secrets that rotate, an issuer that publishes public ones.

The authorizer is the shipped zip against the stack's own tables, each time in a new process, because a
running one may keep the keys of before for minutes.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from deals_ops.token_issuer import issue_token
from tests.e2e.shipped import ShippedFunction
from tests.issuer import Issuer, serving

EVENT = json.loads(Path(__file__).parents[1].joinpath("events/authorizer_request.json").read_text())
OLD, NEW = "o" * 40, "n" * 40


@pytest.fixture(scope="module")
def authorizer(stack, tmp_path_factory):
    return ShippedFunction(stack, "authorizer", tmp_path_factory.mktemp("authorizer"))


@pytest.fixture
def secret(stack):
    """A secret of this test's own; returns what writes its value."""
    client = stack.stack.client("secretsmanager")
    name = f"rotating-{time.time_ns()}"
    arn = client.create_secret(Name=name, SecretString=OLD)["ARN"]

    def write(value):
        text = value if isinstance(value, str) else json.dumps(value)
        client.put_secret_value(SecretId=arn, SecretString=text)

    write.arn = arn
    yield write
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def handshake(token):
    headers = {"Authorization": f"Bearer {token}"}
    return {**EVENT, "headers": headers, "queryStringParameters": None}


def verdicts(authorizer, tokens, **environment):
    """`Allow`, `Deny`, or the error of a handshake with each token, all in one process."""
    answers = authorizer.invoke_all([handshake(token) for token in tokens], **environment)
    return [
        one["answer"]["policyDocument"]["Statement"][0]["Effect"] if "answer" in one else one["error"]
        for one in answers
    ]


def test_a_secret_rotates_without_one_refused_token(authorizer, secret, user):
    now = time.time()
    old, new = issue_token(user, OLD, now), issue_token(user, NEW, now)

    def asked():
        return verdicts(authorizer, [old, new], JWT_SECRET_ARN=secret.arn)

    assert asked() == ["Allow", "Unauthorized"]
    secret({"current": NEW, "previous": OLD})
    assert asked() == ["Allow", "Allow"]
    secret({"current": NEW})
    assert asked() == ["Unauthorized", "Allow"]


def test_a_secret_that_is_not_fit_for_use_is_our_fault_and_lets_nobody_in(authorizer, secret, user):
    secret({"current": "short"})
    [error] = verdicts(authorizer, [issue_token(user, "short", time.time())], JWT_SECRET_ARN=secret.arn)
    assert error not in {"Allow", "Deny", "Unauthorized"}, "API Gateway answers 500"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_public_keys_of_an_issuer_open_connections_without_any_secret(authorizer, user, algorithm):
    issuer, stranger = Issuer(), Issuer()
    for one in (issuer, stranger):
        one.add_key("k1", algorithm)
    tokens = [
        issuer.token("k1", user),
        stranger.token("k1", user),
        issuer.token("k1", user, scope="other"),
        issue_token(user, "s" * 40, time.time()),
    ]
    with serving(issuer) as url:
        environment = {"JWT_ALGORITHMS": algorithm, "JWT_JWKS_URL": url, "JWT_SECRET_ARN": None}
        assert verdicts(authorizer, tokens, **environment) == [
            "Allow",
            "Unauthorized",
            "Deny",
            "Unauthorized",
        ]
    assert issuer.requests == 1


def test_secret_and_public_keys_serve_side_by_side_while_issuers_change(authorizer, secret, user):
    issuer = Issuer()
    issuer.add_key("k1")
    issuer.add_key("k2", "RS256")
    tokens = [issue_token(user, OLD, time.time()), issuer.token("k1", user), issuer.token("k2", user)]
    with serving(issuer) as url:
        environment = {"JWT_ALGORITHMS": "HS256,ES256", "JWT_JWKS_URL": url, "JWT_SECRET_ARN": secret.arn}
        assert verdicts(authorizer, tokens, **environment) == ["Allow", "Allow", "Unauthorized"]


def test_an_issuer_that_is_down_keeps_out_only_those_whom_nothing_else_vouches_for(authorizer, secret, user):
    issuer = Issuer()
    issuer.add_key("k1")
    with serving(issuer) as url:
        pass
    tokens = [issue_token(user, OLD, time.time()), issuer.token("k1", user)]
    environment = {"JWT_ALGORITHMS": "HS256,ES256", "JWT_JWKS_URL": url, "JWT_SECRET_ARN": secret.arn}
    [shared, public] = verdicts(authorizer, tokens, **environment)
    assert shared == "Allow"
    assert "could not be fetched" in public
