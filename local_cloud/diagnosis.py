"""What a local cloud's own logs say about a failure, and a place where they stay."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.cloud import LOG_FILE as PROXY_LOG
from local_cloud.emulator import LOG_FILE as EMULATOR_LOG

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = 20
"""How many lines of each log are quoted, the newest."""
KEPT = 5
"""How many failures keep their logs; the oldest are deleted."""

_LOGS = (PROXY_LOG, EMULATOR_LOG)
_PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^Traceback|^\w*(Error|Exception)\b")
# A line of a log begins with its time; all others continue the line before, as those of a traceback do.
_BEGINS = re.compile(r"^\[?\d{4}-\d\d-\d\d")


def keep_logs(state: Path, store: Path) -> str:
    """Copy the logs of the cloud in `state` into a folder of their own in `store`.

    Returns a paragraph with that folder, and each log's newest warnings and errors, for an error message.
    """
    folder = store / f"{time.strftime('%Y%m%d-%H%M%S')}-{state.parent.name}"
    folder.mkdir(parents=True, exist_ok=True)
    said = []

    for name in _LOGS:
        if not (state / name).exists():
            continue
        shutil.copy2(state / name, folder / name)
        problems = list(find_problems((folder / name).read_text(errors="replace")))[-LINES:]
        quoted = "".join(f"\n    {line}" for line in problems) or " no warning and no error"
        said.append(f"  {name}:{quoted}")

    for old in sorted(store.iterdir(), key=lambda kept: kept.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return "\n".join([f"What the local cloud logged (whole logs in {folder}):", *said])


def find_problems(log: str) -> Iterator[str]:
    """Yield the lines of a log that warn or report an error, with those that continue them."""
    in_problem = False
    for line in log.splitlines():
        if _BEGINS.match(line) or not in_problem:
            in_problem = bool(_PROBLEM.search(line))
        if in_problem:
            yield line
