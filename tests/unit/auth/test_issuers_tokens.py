"""Access tokens of Cognito, Auth0 and Keycloak, in the shapes that each documents, signed as each signs."""

import json
from functools import cache
from pathlib import Path

import jwt
import pytest

from authorizer.settings import Settings
from realtime_core.auth.permissions import Permissions
from realtime_core.auth.public_keys import parse_key_set
from realtime_core.auth.tokens import verify
from realtime_core.errors import TokenRefused
from realtime_core.settings import read
from tests.issuer import KEY_GENERATORS, public_jwk
from tests.unit.auth.test_token_settings import AUTHORIZER

FILES = sorted(Path(__file__).parents[2].joinpath("tokens").glob("*.json"))


@cache
def signing_key():
    return KEY_GENERATORS["RS256"]()


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def issued(request):
    """A file of tests/tokens."""
    return json.loads(request.param.read_text())


def identify(issued, *, settings=None, leave_out=(), **changes):
    """Verify the issuer's token, with changed claims, by the settings of the file."""
    claims = {**issued["payload"], **issued["added"], **changes}
    claims = {name: value for name, value in claims.items() if name not in leave_out}
    text = jwt.encode(claims, signing_key(), issued["header"]["alg"], issued["header"])
    own = public_jwk("RS256", signing_key(), kid=issued["header"]["kid"], use="sig", alg="RS256")
    environment = AUTHORIZER | {"JWT_ALGORITHMS": "RS256", "JWT_JWKS_URL": "https://issuer.example/keys"}
    rules = read(Settings, environment | (issued["settings"] if settings is None else settings)).token_rules
    return verify(text, parse_key_set(json.dumps({"keys": [own]})), rules, issued["payload"]["iat"] + 60)


def refusal(issued, **options):
    with pytest.raises(TokenRefused) as refused:
        identify(issued, **options)
    return refused.value.status, refused.value.reason


def test_token_of_an_issuer_is_read_by_the_names_that_are_set(issued):
    identity, expected = identify(issued), issued["read"]
    assert (identity.user_id, identity.token_id) == (expected["user_id"], expected["token_id"])
    assert identity.permissions == Permissions(tuple(expected["topics"]), tuple(expected["recipients"]))
    assert (identity.token_exp, identity.issued_at) == (issued["payload"]["exp"], issued["payload"]["iat"])


def test_token_of_an_issuer_without_permissions_permits_what_is_public(issued):
    assert identify(issued, leave_out=issued["added"]).permissions == Permissions()


def test_scope_is_a_string_or_a_list(issued):
    scope = issued["payload"]["scope"]
    assert identify(issued, scope=scope.split()) == identify(issued)
    for other in ("openid profile", ["openid"], "", [], None, {"websocket": True}, "websockets"):
        assert refusal(issued, scope=other) == (403, "scope")


def test_token_for_another_audience_is_refused(issued):
    name = issued["settings"].get("JWT_CLAIM_AUDIENCE", "aud")
    for other in ("somebody-else", ["somebody-else"], None, issued["settings"]["JWT_AUDIENCE"] + "/"):
        assert refusal(issued, **{name: other}) == (401, "audience")


def test_token_without_the_claim_of_the_user_is_refused(issued):
    name = issued["settings"].get("JWT_CLAIM_USER_ID", "sub")
    assert refusal(issued, leave_out=[name]) == (401, "subject")


def test_claims_of_the_standard_names_do_not_count_where_others_are_set(issued):
    """Else a claim that a user may set himself would stand in for the issuer's."""
    settings = {**issued["settings"], "JWT_CLAIM_TOPICS": "t", "JWT_CLAIM_RECIPIENTS": "r"}
    claims = {"topics": ["private.*"], "recipients": ["*"], "t": ["books"], "r": []}
    assert identify(issued, settings=settings, **claims).permissions == Permissions(("books",), ())
