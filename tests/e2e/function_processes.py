"""Kills the processes that run a function on the local cloud, as a time limit or a crash does on AWS."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.service import Service


def kill_function(stack: Service, function: str) -> int:
    """Kill every process of a function of this cloud, in the middle of what it does; return how many."""
    pids = list(_find(stack.outputs["function_names"][function], stack.stack.endpoint))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def _find(name: str, endpoint: str) -> Iterator[int]:
    """Find processes by the environment that the cloud gave them; other clouds have other endpoints."""
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={name}", f"AWS_ENDPOINT_URL={endpoint}"}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            environment = (folder / "environ").read_text(errors="replace")
        except OSError:  # another user's, or ended meanwhile
            continue
        if wanted <= set(environment.split("\0")):
            yield int(folder.name)
