"""Colours by what the output is and what the environment says: https://no-color.org, CLICOLOR_FORCE."""

from __future__ import annotations

import io

import pytest

from deals_ops.colors import create_console, has_colors


class Stream(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def printed(environ: dict[str, str], *, terminal: bool) -> str:
    stream = Stream(terminal=terminal)
    create_console(stream, {"TERM": "xterm-256color", **environ}).print("problem", style="bold red")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("environ", "terminal", "colored"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"CLICOLOR_FORCE": "1"}, False, True),
        ({"FORCE_COLOR": "3"}, False, True),
        ({"CLICOLOR_FORCE": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, True, False),
        ({"CLICOLOR": "0"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, False, True),
    ],
)
def test_colors_follow_the_output_and_the_environment(environ, terminal, colored):
    assert has_colors(Stream(terminal=terminal), environ) == colored
    assert ("\x1b[" in printed(environ, terminal=terminal)) == colored
    assert "problem" in printed(environ, terminal=terminal)
