"""Moves a stopped cloud with the service on it to other ports.

What was applied holds its addresses: the functions' environment, the cache, the queues' URLs, Terraform's
state. So a kept cloud serves on whatever ports are free, with no apply.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from local_cloud.emulator import free_port, port_note
from local_cloud.ports import Ports
from local_cloud.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOTE = "ports.json"
# In an address, or as a value of its own: "Port": 4567, "from_port": "4567", also in JSON within JSON.
_PORT = re.compile(rf'({re.escape(HOST)}:|localhost:|[Pp]ort\\*":\s*\\*"?)(\d+)')


def note_ports(run: Path, ports: Ports) -> None:
    """Note on which ports the cloud of a run was applied."""
    (run / _NOTE).write_text(json.dumps(asdict(ports)) + "\n")


def move(run: Path, ports: Ports) -> None:
    """Give the cloud of a run these ports, and its emulator a free one."""
    old = Ports(**json.loads((run / _NOTE).read_text()))
    emulator = port_note(run / "cloud")
    inside, outside = int(emulator.read_text()), free_port()

    outer: dict[int | None, int | None] = {old.proxy: ports.proxy, old.redis: ports.redis}
    moved: dict[str, dict[int | None, int | None]] = {f"{HOST}:": outer, "localhost:": {inside: outside}}

    def replace(found: re.Match[str]) -> str:
        before, port = found[1], int(found[2])
        return f"{before}{moved.get(before, {old.redis: ports.redis}).get(port, port)}"

    for path in _list_states(run):
        path.write_text(_PORT.sub(replace, path.read_text("utf-8")), "utf-8")
    emulator.write_text(str(outside))
    note_ports(run, ports)


def _list_states(run: Path) -> Iterator[Path]:
    yield run / "terraform.tfstate"
    yield from (run / "cloud" / "emulator").glob("*.json")
