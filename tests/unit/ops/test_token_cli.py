"""`python -m deals_ops.token_cli`."""

import io
import json
import time

import pytest

from deals_ops import token_cli as tokens
from realtime_core.domain.tokens import TokenRules, verify

SECRET = "s" * 40


def printed(capsys, *arguments):
    assert tokens.main(arguments) == 0
    return capsys.readouterr().out.strip()


def identity(text, secret=SECRET):
    return verify(text, [secret], TokenRules(issuer=None), time.time())


def test_tokens_prints_one_that_the_service_accepts_for_an_hour(monkeypatch, capsys):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    found = identity(printed(capsys, "ann"))
    assert found.user_id == "ann"
    assert abs(found.token_exp - time.time() - 3600) < 5


def test_tokens_takes_seconds_and_claims(monkeypatch, capsys):
    monkeypatch.setenv("JWT_SECRET", SECRET)
    found = identity(printed(capsys, "ann", "--seconds", "60", "--claims", '{"jti": "t-1"}'))
    assert (found.token_id, found.token_exp - found.issued_at) == ("t-1", 60)


def test_tokens_signs_by_the_current_of_two_secrets(monkeypatch, capsys, tmp_path):
    file = tmp_path / "secret"
    file.write_text(json.dumps({"current": SECRET, "previous": "o" * 40}) + "\n")
    assert identity(printed(capsys, "ann", "--secret-file", str(file))).user_id == "ann"
    monkeypatch.setattr("sys.stdin", io.StringIO(file.read_text()))
    assert identity(printed(capsys, "ann", "--secret-file", "-")).user_id == "ann"


@pytest.mark.parametrize(
    ("secret", "arguments", "said"),
    [
        (None, ["ann"], "JWT_SECRET holds no secret; set JWT_SECRET"),
        ("short", ["ann"], "at least 32 bytes"),
        ('{"previous": "' + SECRET + '"}', ["ann"], "JWT_SECRET holds no secret"),
        ('{"current": 7}', ["ann"], "at least 32 bytes"),
        (None, ["ann", "--secret-file", "/nowhere/secret"], "/nowhere/secret cannot be read"),
    ],
)
def test_tokens_without_a_usable_secret_says_what_to_do(monkeypatch, capsys, secret, arguments, said):
    monkeypatch.delenv("JWT_SECRET", raising=False)
    if secret:
        monkeypatch.setenv("JWT_SECRET", secret)
    assert tokens.main(arguments) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert not secret or secret not in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a b"], "a user id is"),
        (["ann", "--claims", "{"], "not JSON"),
        (["ann", "--claims", "[]"], "JSON object"),
        ([], "user_id"),
    ],
)
def test_tokens_of_wrong_arguments_says_which(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        tokens.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
