"""Whether a stream gets colours: by what it is, and by the variables that command lines agree on.

https://no-color.org and https://bixense.com/clicolors: `NO_COLOR` wins over everything, then
`CLICOLOR_FORCE` (and `FORCE_COLOR`, which npm's and Python's tools read); without either only a terminal gets
colours, unless `CLICOLOR=0` or `TERM=dumb`. An empty variable counts as one that is not set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 160
"""Columns when the output is not a terminal: wide enough to keep a table row on one line of a pipe."""


def has_colors(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether escape codes for colours and bold text may go to a stream."""
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in {"", "0"} for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    plain = environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


def create_console(stream: TextIO, environ: Mapping[str, str] = os.environ, **options: Any) -> Console:
    """Create a console for a stream: a pipe gets wide lines, and no codes unless they are forced."""
    is_terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=is_terminal,
        color_system=("auto" if is_terminal else "standard") if has_colors(stream, environ) else None,
        width=None if is_terminal else WIDTH,
        highlight=False,
        markup=False,
        # Rich reads variables of its own from here, and NO_COLOR leaves it bold and dim text.
        _environ={
            name: environ[name] for name in ("TERM", "COLORTERM", "COLUMNS", "LINES") if name in environ
        },
        **options,
    )
