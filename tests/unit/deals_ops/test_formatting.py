"""Text from others is safe to print, and times and ages are readable."""

import pytest

from deals_ops.formatting import build_table, format_age, format_time, strip_control_characters
from deals_ops.terminal import CommandResult, Terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red \x1b[31m", "red �[31m"),
        ("bell \x07 and \x9b31m", "bell � and �31m"),
        ("file\u202egpj.exe", "file�gpj.exe"),
        ("two\nlines\tand [bold]markup[/]", "two\nlines\tand [bold]markup[/]"),
    ],
)
def test_foreign_text_cannot_control_the_terminal(capsys, text, shown):
    assert strip_control_characters(text) == shown
    Terminal().print_result(CommandResult(None, [text, build_table(("a",), [[text]])]))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold]" in out or "bold" not in text


def test_times_are_in_utc_and_ages_in_the_largest_unit():
    assert format_time(1_795_561_900) == "2026-11-24 23:11:40Z"
    assert format_time(None) is None
    assert [format_age(seconds) for seconds in (5, 119, 120, 7_200, 200_000)] == [
        "5 s",
        "119 s",
        "2 m",
        "2 h",
        "2 d",
    ]
