"""What a command prints for people and for scripts, and how it asks for confirmation."""

import io
import json
import os
import pty
import sys

import pytest

from deals_ops.errors import Missing, NotConfirmed
from deals_ops.formatting import build_table
from deals_ops.terminal import CommandResult, Terminal


def print_result(capsys, result, **options):
    Terminal(**options).print_result(result)
    return capsys.readouterr()


def test_json_is_one_line_on_standard_output_and_nothing_else(capsys):
    printed = print_result(capsys, CommandResult({"count": 1, "who": "Zoë"}, ["1"]), as_json=True)
    assert printed.err == ""
    assert printed.out.count("\n") == 1
    assert json.loads(printed.out) == {"count": 1, "who": "Zoë"}


def test_a_table_in_a_pipe_is_not_cut(capsys):
    wide = "x" * 100
    out = print_result(
        capsys, CommandResult(None, [build_table(("a", "b"), [[wide, None], ["short", 2]])])
    ).out
    assert wide in out
    assert out.splitlines()[1].split()[1] == "-"


def test_an_error_is_printed_to_standard_error_as_text_or_json(capsys):
    Terminal().print_error(Missing("there is none"))
    assert capsys.readouterr() == ("", "error: there is none\n")
    Terminal(as_json=True).print_error(Missing("there is none"))
    printed = json.loads(capsys.readouterr().err)
    assert printed == {"error": {"exitCode": 3, "message": "there is none"}}


def test_without_a_terminal_only_yes_confirms(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(NotConfirmed, match="repeat the command with --yes"):
        Terminal().confirm("Delete it?")
    Terminal(assume_yes=True).confirm("Delete it?")


@pytest.mark.parametrize(("typed", "goes_on"), [("y", True), ("YES", True), ("n", False), ("", False)])
def test_at_a_terminal_only_a_typed_yes_confirms(monkeypatch, typed, goes_on):
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        if goes_on:
            Terminal().confirm("Delete it?")
        else:
            with pytest.raises(NotConfirmed, match="nothing was done"):
                Terminal().confirm("Delete it?")
    os.close(ours)
