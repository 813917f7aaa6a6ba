"""Runs the janitor now, which a schedule runs each minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deals_ops.stack import Stack

_PATIENCE_S = 15.0
_PAUSE_S = 0.2


def run_janitor(stack: Stack) -> None:
    """Run the janitor until it has done all that is due: parts may be in the hands of the schedule's run."""
    deadline = time.monotonic() + _PATIENCE_S
    while stack.invoke("janitor", {})["leftToOthers"] and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
