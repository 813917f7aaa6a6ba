"""`make token`: tokens that are signed by a secret at hand."""

import io
import json
import time

import pytest

from deals_ops import token_cli
from realtime_core.auth.tokens import TokenRules, verify
from tests.e2e.documented_shapes import documented_shape

SECRET = "s" * 40


def print_token(capsys, *arguments):
    assert token_cli.main(arguments) == 0
    return capsys.readouterr().out.strip()


def verify_token(text, secret=SECRET):
    return verify(text, [secret], TokenRules(issuer=None), time.time())


def test_token_is_accepted_by_the_service_for_an_hour(monkeypatch, capsys):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    identity = verify_token(print_token(capsys, "ann"))
    assert identity.user_id == "ann"
    assert abs(identity.token_exp - time.time() - 3600) < 5


def test_token_has_the_given_duration_and_claims(monkeypatch, capsys):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    identity = verify_token(print_token(capsys, "ann", "--seconds", "60", "--claims", '{"jti": "t-1"}'))
    assert (identity.token_id, identity.token_exp - identity.issued_at) == ("t-1", 60)


@pytest.mark.parametrize(("claims", "seconds"), [("{}", 60), ('{"exp": 4102444800}', None)])
def test_json_says_when_the_token_expires(monkeypatch, capsys, claims, seconds):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    began = int(time.time())
    printed = json.loads(print_token(capsys, "ann", "--seconds", "60", "--claims", claims, "--json"))
    assert printed.keys() == documented_shape("token").keys()
    assert printed["expiresAt"] == verify_token(printed["token"]).token_exp
    assert seconds is None or 0 <= printed["expiresAt"] - began - seconds < 5


@pytest.mark.parametrize(
    ("arguments", "topics", "recipients"),
    [
        ([], None, None),
        (["--topics", "books.*, private.team-42"], ("books.*", "private.team-42"), None),
        (["--topics", "*", "--recipients", "support:*,ben"], ("*",), ("support:*", "ben")),
        (["--recipients", ""], None, ()),
    ],
)
def test_token_permits_what_the_options_name(monkeypatch, capsys, arguments, topics, recipients):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    assert verify_token(print_token(capsys, "ann", *arguments)).permissions == (topics, recipients)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--topics", "Books"], "topics[0]"),
        (["--topics", ""], "0 patterns"),
        (["--topics", "books,,tools"], "topics[1]"),
        (["--recipients", "ben,b*n"], "recipients[1]"),
    ],
)
def test_patterns_that_the_service_would_refuse_are_refused_at_once(monkeypatch, capsys, arguments, problem):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    with pytest.raises(SystemExit):
        token_cli.main(["ann", *arguments])
    assert problem in capsys.readouterr().err


def test_token_is_signed_with_the_current_of_two_secrets(monkeypatch, capsys, tmp_path):
    file = tmp_path / "secret"
    file.write_text(json.dumps({"current": SECRET, "previous": "o" * 40}) + "\n")
    assert verify_token(print_token(capsys, "ann", "--secret-file", str(file))).user_id == "ann"
    monkeypatch.setattr("sys.stdin", io.StringIO(file.read_text()))
    assert verify_token(print_token(capsys, "ann", "--secret-file", "-")).user_id == "ann"


@pytest.mark.parametrize(
    ("secret", "arguments", "message"),
    [
        (None, ["ann"], "JWT_SECRET holds no secret; set JWT_SECRET"),
        ("short", ["ann"], "at least 32 bytes"),
        ('{"previous": "' + SECRET + '"}', ["ann"], "JWT_SECRET holds no secret"),
        ('{"current": 7}', ["ann"], "at least 32 bytes"),
        (None, ["ann", "--secret-file", "/nowhere/secret"], "/nowhere/secret cannot be read"),
    ],
)
def test_token_without_a_usable_secret_is_refused_with_the_remedy(
    monkeypatch, capsys, secret, arguments, message
):
    monkeypatch.delenv("JWT_SECRET", raising=False)
    if secret:
        monkeypatch.setenv("JWT_SECRET", secret)
    assert token_cli.main(arguments) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert not secret or secret not in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a b"], "not a valid user id"),
        (["ann", "--claims", "{"], "not JSON"),
        (["ann", "--claims", "[]"], "JSON object"),
        ([], "user_id"),
    ],
)
def test_wrong_argument_is_named(capsys, arguments, message):
    with pytest.raises(SystemExit) as exited:
        token_cli.main(arguments)
    assert exited.value.code == 2
    assert message in capsys.readouterr().err
