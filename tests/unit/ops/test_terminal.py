"""What people and scripts see."""

import io
import json
import os
import pty
import sys

import pytest

from deals_ops.errors import Missing, NotConfirmed
from deals_ops.terminal import Answer, Screen, age, moment, plain, table


def shown(capsys, answer, **options):
    Screen(**options).show(answer)
    return capsys.readouterr()


def test_json_is_one_line_on_standard_output_and_nothing_else(capsys):
    told = shown(capsys, Answer({"count": 1, "who": "Zoë"}, ["1"]), as_json=True)
    assert told.err == ""
    assert told.out.count("\n") == 1
    assert json.loads(told.out) == {"count": 1, "who": "Zoë"}


def test_a_table_in_a_pipe_is_not_cut(capsys):
    wide = "x" * 100
    out = shown(capsys, Answer(None, [table(("a", "b"), [[wide, None], ["short", 2]])])).out
    assert wide in out
    assert out.splitlines()[1].split()[1] == "-"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("red \x1b[31m", "red �[31m"),
        ("bell \x07 and \x9b31m", "bell � and �31m"),
        ("file\u202egpj.exe", "file�gpj.exe"),
        ("two\nlines\tand [bold]markup[/]", "two\nlines\tand [bold]markup[/]"),
    ],
)
def test_what_others_wrote_cannot_steer_the_terminal(capsys, text, seen):
    assert plain(text) == seen
    out = shown(capsys, Answer(None, [text, table(("a",), [[text]])])).out
    assert "\x1b" not in out
    assert "[bold]" in out or "bold" not in text


def test_an_error_is_said_on_standard_error_for_people_and_for_scripts(capsys):
    Screen().failed(Missing("there is none"))
    assert capsys.readouterr() == ("", "error: there is none\n")
    Screen(as_json=True).failed(Missing("there is none"))
    told = json.loads(capsys.readouterr().err)
    assert told == {"error": {"exitCode": 3, "message": "there is none"}}


def test_without_a_terminal_only_yes_confirms(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(NotConfirmed, match="repeat it with --yes"):
        Screen().confirm("Delete it?")
    Screen(assume_yes=True).confirm("Delete it?")


@pytest.mark.parametrize(("typed", "goes_on"), [("y", True), ("YES", True), ("n", False), ("", False)])
def test_at_a_terminal_only_a_typed_yes_confirms(monkeypatch, typed, goes_on):
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        if goes_on:
            Screen().confirm("Delete it?")
        else:
            with pytest.raises(NotConfirmed, match="nothing was done"):
                Screen().confirm("Delete it?")
    os.close(ours)


def test_times_are_in_utc_and_ages_in_their_largest_unit():
    assert moment(1_795_561_900) == "2026-11-24 23:11:40Z"
    assert moment(None) is None
    assert [age(one) for one in (5, 119, 120, 7_200, 200_000)] == ["5 s", "119 s", "2 m", "2 h", "2 d"]
