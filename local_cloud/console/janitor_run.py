"""Runs the janitor now, which a schedule runs each minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deals_ops.errors import CallFailed

if TYPE_CHECKING:
    from deals_ops.stack import Stack

_PATIENCE_S = 15.0
_PAUSE_S = 0.2


def run_janitor(stack: Stack) -> None:
    """Run the janitor until it has done all that is due: parts may be in the hands of the schedule's run.

    Raises CallFailed if they stay there.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while stack.invoke("janitor", {})["leftToOthers"]:
        if time.monotonic() >= deadline:
            raise CallFailed(f"the janitor still left work to another run after {_PATIENCE_S:g} s; try again")
        time.sleep(_PAUSE_S)
