"""Who used the machine: processor time and memory of the functions, the emulator, the gateway and the client.

The local cloud runs each as processes of its own: the gateway's, below it the emulator's, below that those of
the functions. On a system without /proc there is nothing to read.
"""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local_cloud.control_client import call_control

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROCESSES = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
MB = 1024 * 1024
CLIENT, GATEWAY, EMULATOR, REDIS = "client", "gateway", "emulator", "redis"


class Use(NamedTuple):
    """What the processes of one kind used: seconds of processor, MB at present, and how many there are."""

    seconds: float
    memory_mb: float
    processes: int


class Accounts:
    """Counts from when it is created; call `read` often enough to meet each process before it ends."""

    def __init__(self, endpoint: str) -> None:
        self._gateway = int(call_control(endpoint, "GET", "status")["pid"])
        self._seconds: dict[int, tuple[str, float]] = {}
        self._begun: dict[int, float] = {}
        self._seen = False
        self.read()

    def read(self) -> Mapping[str, Use]:
        """Return by kind (a function's name, or one of the four above) what was used so far."""
        memory: dict[str, list[float]] = defaultdict(list)
        for pid, kind in self._processes():
            with suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
                fields = (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()
                seconds = (int(fields[11]) + int(fields[12])) / _TICKS
                # What was used before counts for none but those who began meanwhile.
                self._begun.setdefault(pid, 0.0 if self._seen else seconds)
                self._seconds[pid] = (kind, seconds - self._begun[pid])
                memory[kind].append(int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / MB)
        self._seen = True
        total: dict[str, float] = defaultdict(float)
        for kind, seconds in self._seconds.values():
            total[kind] += seconds
        return {kind: Use(total[kind], sum(memory[kind]), len(memory[kind])) for kind in sorted(total)}

    def _processes(self) -> Iterator[tuple[int, str]]:
        children: dict[int, list[int]] = defaultdict(list)
        for folder in _PROCESSES.glob("[0-9]*"):
            with suppress(OSError, ValueError, IndexError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children[parent].append(int(folder.name))
        yield os.getpid(), CLIENT
        yield self._gateway, GATEWAY
        below = [pid for pid in children[self._gateway] if pid != os.getpid()]
        while below:
            pid = below.pop()
            below += children[pid]
            if (kind := _kind(pid)) is not None:
                yield pid, kind


def _kind(pid: int) -> str | None:
    try:
        variables = (_PROCESSES / str(pid) / "environ").read_text(errors="replace").split("\0")
        command = (_PROCESSES / str(pid) / "cmdline").read_text(errors="replace")
    except OSError:
        return None
    name = next(
        (text.partition("=")[2] for text in variables if text.startswith("AWS_LAMBDA_FUNCTION_NAME=")), ""
    )
    if name:
        return name
    return REDIS if "redis-server" in command else EMULATOR
