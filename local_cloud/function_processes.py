"""The processes that run functions on this machine: finds and kills them, as a crash or a time limit does.

They are known by the environment that the cloud gave them, so those of another cloud stay untouched.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROCESSES = Path("/proc")
_TCP = _PROCESSES / "net" / "tcp"


class FunctionProcess(NamedTuple):
    """A process of a function; `key` is the id of the access key with which it signs its calls."""

    pid: int
    function: str
    key: str


def find_processes(endpoint: str) -> Iterator[FunctionProcess]:
    """Yield the processes of all functions of the cloud at `endpoint`; none where there is no /proc."""
    if not _PROCESSES.is_dir():
        return
    for folder in _PROCESSES.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "environ").read_text(errors="replace")
        except OSError:  # another user's, or ended meanwhile
            continue
        variables = dict(line.partition("=")[::2] for line in text.split("\0"))
        function = variables.get("AWS_LAMBDA_FUNCTION_NAME")
        if function and variables.get("AWS_ENDPOINT_URL") == endpoint:
            yield FunctionProcess(int(folder.name), function, variables.get("AWS_ACCESS_KEY_ID", ""))


def require_processes() -> None:
    """Raise LookupError on a system that does not show which process runs which function."""
    if not _PROCESSES.is_dir():
        raise LookupError(
            "functions: this system has no /proc, so their processes cannot be found; run the local cloud on "
            'Linux, or lose calls by a fault with `"cut": "after"`'
        )


def kill_function(name: str, endpoint: str) -> int:
    """Kill every process of a function of one cloud, in the middle of what it does; return how many."""
    killed = 0
    for process in find_processes(endpoint):
        if process.function == name:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    return killed


def find_function_of_port(port: int, endpoint: str) -> str | None:
    """Return the function whose process has a TCP connection from a local port; None if none has."""
    if (inode := _find_inode(port)) is None:
        return None
    wanted = f"socket:[{inode}]"
    for process in find_processes(endpoint):
        with suppress(OSError):  # it has ended
            for descriptor in (_PROCESSES / str(process.pid) / "fd").iterdir():
                if str(descriptor.readlink()) == wanted:
                    return process.function
    return None


def _find_inode(port: int) -> str | None:
    """Return the inode of the socket with a local IPv4 port (proc_pid_net(5), `local_address`)."""
    try:
        lines = _TCP.read_text().splitlines()[1:]
    except OSError:
        return None
    rows = (line.split() for line in lines)
    return next((row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[9] != "0"), None)
