"""Arguments, which stack is meant, and that nothing is asked of AWS before both are clear."""

import argparse

import pytest

from deals_ops import argument_types as arguments
from deals_ops.errors import Missing, WrongArgument
from deals_ops.main import main, parser
from deals_ops.stack_lookup import find_stack


@pytest.fixture(autouse=True)
def nobodys(monkeypatch, tmp_path):
    """An environment of nobody's: no stack, no credentials, no profile."""
    for name in ("DEALS_NAME", "DEALS_ENVIRONMENT", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def found(tmp_path, *options):
    return find_stack(parser().parse_args([*options, "status"]), tmp_path)


def test_the_stack_is_named_by_options_before_variables(nobodys, monkeypatch):
    monkeypatch.setenv("DEALS_ENVIRONMENT", "staging")
    assert found(nobodys).prefix == "deals-staging"
    monkeypatch.setenv("DEALS_NAME", "offers")
    assert found(nobodys).prefix == "offers-staging"
    stack = found(nobodys, "--name", "deals", "--environment", "production", "--region", "eu-west-1")
    assert (stack.prefix, stack.aws.region) == ("deals-production", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert found(nobodys).aws.region == "eu-central-1"


def test_without_a_name_it_is_the_local_one_which_has_to_run(nobodys):
    with pytest.raises(WrongArgument, match="which stack"):
        found(nobodys)
    with pytest.raises(Missing, match="make local-up"):
        found(nobodys, "--local")
    with pytest.raises(WrongArgument, match="exclude each other"):
        found(nobodys, "--local", "--environment", "production")


def test_options_may_stand_before_or_behind_the_command():
    for line in (["--json", "status"], ["status", "--json"]):
        assert parser().parse_args(line).json
    assert not parser().parse_args(["status"]).json
    assert parser().parse_args(["--region", "a", "dlq", "list", "--yes"]).region == "a"


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["bogus"],
        ["dlq", "purge"],
        ["dlq", "list", "elsewhere"],
        ["dlq", "purge", "events", "--older-than", "soon"],
        ["notify", "--data", "{}"],
        ["tail", "books", "--since", "-1"],
        ["who", "ann"],
        ["stat"],
    ],
)
def test_wrong_arguments_end_with_2_and_ask_nothing(capsys, line):
    def find(_arguments):
        raise AssertionError("nothing may be looked for")

    with pytest.raises(SystemExit) as ended:
        main(line, find)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_fault_of_ours_is_told_with_its_trace_and_ends_with_5(capsys):
    def find(_arguments):
        raise KeyError("sweep")

    assert main(["status"], find) == 5
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "a fault of the command line itself" in told


def test_ctrl_c_ends_with_130():
    def find(_arguments):
        raise KeyboardInterrupt

    assert main(["status"], find) == 130


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (arguments.user_or_connection, ["ann", "auth0|5f", "Kx2vTfVroAMCJlg="], ["a b", "=", ""]),
        (arguments.connection_id, ["Kx2vTfVroAMCJlg="], ["ann", "Kx2vTfVroAMCJlg"]),
        (arguments.topic, ["all-deals", "a.b"], ["A", "a..b", ""]),
        (arguments.duration, ["90s", "30m", "12h", "2d"], ["2", "2w", "-1d", "1.5h"]),
        (arguments.json_filter, ['{"maxPrice": 4}'], ["[]", '{"price": {"above": 1}}', '{"a": NaN}']),
        (arguments.whole(1, 10), ["1", "10"], ["0", "11", "ten", "1.0", "²"]),
    ],
)
def test_an_argument_is_taken_or_refused_with_a_reason(kind, good, bad):
    for text in good:
        kind(text)
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match=r".+"):
            kind(text)


def test_no_user_id_can_be_taken_for_a_connection():
    assert arguments.is_connection("Kx2vTfVroAMCJlg=")
    assert not arguments.is_connection("Kx2vTfVroAMCJlg")
