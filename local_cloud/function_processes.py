"""The processes that run functions on this machine: finds and kills them, as a crash or a time limit does.

They are known by the environment that the cloud gave them, so those of another cloud stay untouched.
"""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PROCESSES = Path("/proc")
_TCP = _PROCESSES / "net" / "tcp"
_VIRTUAL, _RESIDENT = 0, 1


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


def suspend_function(name: str, endpoint: str) -> list[int]:
    """Suspend every process of a function, as a host without processor time does; return their ids."""
    return _each_process(name, endpoint, lambda pid: os.kill(pid, signal.SIGSTOP))


def resume_processes(pids: Iterable[int]) -> None:
    """Continue suspended processes, and lift the limit on their memory."""
    for pid in pids:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            os.kill(pid, signal.SIGCONT)


def starve_function(name: str, endpoint: str) -> list[int]:
    """Let no process of a function have more memory than it has now; return their ids.

    Python then raises MemoryError at the next larger allocation.
    """
    return _each_process(name, endpoint, _starve)


def read_memory_bytes(pid: int) -> int | None:
    """Return how much memory of the machine a process has; None if it has ended."""
    return _read_pages(pid, _RESIDENT)


def _starve(pid: int) -> None:
    now = _read_pages(pid, _VIRTUAL)
    if now is not None:
        resource.prlimit(pid, resource.RLIMIT_AS, (now, resource.RLIM_INFINITY))


def _read_pages(pid: int, field: int) -> int | None:
    """Return a field of proc_pid_statm(5) in bytes."""
    try:
        return int((_PROCESSES / str(pid) / "statm").read_text().split()[field]) * resource.getpagesize()
    except (OSError, IndexError):
        return None


def _each_process(name: str, endpoint: str, work: Callable[[int], None]) -> list[int]:
    done = []
    for process in find_processes(endpoint):
        if process.function == name:
            with suppress(ProcessLookupError):
                work(process.pid)
                done.append(process.pid)
    return done


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
