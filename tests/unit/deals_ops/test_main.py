"""Arguments and the selection of the stack; AWS is not called before both are valid."""

import argparse
import json

import pytest

from deals_ops import argument_types
from deals_ops.errors import Missing, WrongArgument
from deals_ops.main import build_parser, main
from deals_ops.stack_lookup import find_stack


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch, tmp_path):
    """No local cloud, and no variables that name a stack, credentials or a profile."""
    for name in ("DEALS_NAME", "DEALS_ENVIRONMENT", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def find(tmp_path, *options):
    return find_stack(build_parser().parse_args([*options, "status"]), tmp_path)


def test_the_stack_is_named_by_options_before_variables(no_cloud, monkeypatch):
    monkeypatch.setenv("DEALS_ENVIRONMENT", "staging")
    assert find(no_cloud).prefix == "deals-staging"
    monkeypatch.setenv("DEALS_NAME", "offers")
    assert find(no_cloud).prefix == "offers-staging"
    stack = find(no_cloud, "--name", "deals", "--environment", "production", "--region", "eu-west-1")
    assert (stack.prefix, stack.aws.region) == ("deals-production", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert find(no_cloud).aws.region == "eu-central-1"


def test_without_a_name_the_local_stack_is_used_and_must_run(no_cloud):
    with pytest.raises(WrongArgument, match="which stack"):
        find(no_cloud)
    with pytest.raises(Missing, match="make local-up"):
        find(no_cloud, "--local")
    with pytest.raises(WrongArgument, match="exclude each other"):
        find(no_cloud, "--local", "--environment", "production")


def test_options_may_stand_before_or_after_the_command():
    for line in (["--json", "status"], ["status", "--json"]):
        assert build_parser().parse_args(line).json
    assert not build_parser().parse_args(["status"]).json
    assert build_parser().parse_args(["--region", "a", "dlq", "list", "--yes"]).region == "a"


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
def test_wrong_arguments_exit_with_2_before_the_stack_is_looked_up(capsys, line):
    def find(_arguments):
        raise AssertionError("the stack was looked up")

    assert main(line, find) == 2
    assert "error:" in capsys.readouterr().err
    assert main([*line, "--json"], find) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.err)["error"]["exitCode"] == 2
    assert printed.out == ""


def test_a_bug_is_reported_with_its_traceback_and_exits_with_5(capsys):
    def find(_arguments):
        raise KeyError("sweep")

    assert main(["status"], find) == 5
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "internal error of the command line" in printed


def test_ctrl_c_exits_with_130():
    def find(_arguments):
        raise KeyboardInterrupt

    assert main(["status"], find) == 130


@pytest.mark.parametrize(
    ("parse", "valid", "invalid"),
    [
        (
            argument_types.parse_user_or_connection_id,
            ["ann", "auth0|5f", "Kx2vTfVroAMCJlg="],
            ["a b", "=", ""],
        ),
        (argument_types.parse_connection_id, ["Kx2vTfVroAMCJlg="], ["ann", "Kx2vTfVroAMCJlg"]),
        (argument_types.parse_topic, ["all-deals", "a.b"], ["A", "a..b", ""]),
        (argument_types.parse_duration, ["90s", "30m", "12h", "2d"], ["2", "2w", "-1d", "1.5h"]),
        (
            argument_types.parse_json_filter,
            ['{"maxPrice": 4}'],
            ["[]", '{"price": {"above": 1}}', '{"a": NaN}'],
        ),
        (argument_types.integer_between(1, 10), ["1", "10"], ["0", "11", "ten", "1.0", "²"]),
    ],
)
def test_an_argument_is_accepted_or_refused_with_a_reason(parse, valid, invalid):
    for text in valid:
        parse(text)
    for text in invalid:
        with pytest.raises(argparse.ArgumentTypeError, match=r".+"):
            parse(text)


def test_no_user_id_can_be_mistaken_for_a_connection_id():
    assert argument_types.is_connection_id("Kx2vTfVroAMCJlg=")
    assert not argument_types.is_connection_id("Kx2vTfVroAMCJlg")


@pytest.mark.parametrize("connection_id", ["-x2vTfVroAMCJlg=", "--2vTfVroAMCJlg=", "Kx2vTfVroAMCJlg="])
@pytest.mark.parametrize("line", [["kick", "{}", "--yes"], ["--json", "who", "{}"], ["who", "{}", "--json"]])
def test_connection_ids_may_begin_with_a_hyphen(line, connection_id):
    """One in 64 does."""
    arguments = build_parser().parse_args([word.format(connection_id) for word in line])

    assert connection_id in vars(arguments).values()


def test_misspelt_options_are_still_refused():
    with pytest.raises(SystemExit):
        build_parser().parse_args(["status", "--jsno"])
