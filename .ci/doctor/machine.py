"""The machine around the programs: its disk, ports, addresses, and variables that are meant for others."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from doctor.finding import note, trouble, well

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from doctor.finding import Finding

ROOT = Path(__file__).resolve().parents[2]
PORT = 4566
GB = 1e9
NEEDED_GB, ROOMY_GB = 2, 4
"""Tools, provider, zips and a stack's kept state take about a gigabyte and a half; tests some more."""
# As in local_cloud/disk.py, which needs packages that are not there before the first `make`.
ROOM_GB = 0.1
REMEDY = "free some space; `make clean` and `rm -rf .local_cloud/snapshots` remove what can be made again"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_FOREIGN = ("AWS_", "BOTO_", "TF_")
_OURS = frozenset({"TF_PLUGIN_DIR", "TF_PLUGIN_CACHE_DIR"})


def check_folder(root: Path = ROOT) -> Iterator[Finding]:
    """The checkout: whether it can be written to, and whether the tools are in it."""
    if not os.access(root, os.W_OK):
        remedy = "give yourself the right to write, or clone into a folder of your own"
        yield trouble("folder", f"{root} cannot be written to", remedy)
    elif _has_tools(root):
        yield well("tools", "installed in .venv")
    else:
        yield note("tools", "the first `make` installs them from PyPI into .venv and .tools (about 350 MB)")


def _has_tools(root: Path) -> bool:
    return (root / ".venv" / ".ready").exists()


def check_disk(root: Path = ROOT) -> Iterator[Finding]:
    """The space that is left where the checkout is: for the tools, and once they are there for a cloud."""
    free = shutil.disk_usage(root).free / GB
    text = f"{free:,.1f} GB free"
    needed = ROOM_GB if _has_tools(root) else NEEDED_GB
    if free < needed:
        yield trouble("disk", f"{text}, and {needed:g} GB are needed", REMEDY)
    elif free < NEEDED_GB:
        yield note("disk", f"{text}: enough for the demo, not for all tests", REMEDY)
    elif free < ROOMY_GB:
        yield note("disk", f"{text}: enough for the demo, tight for all tests")
    else:
        yield well("disk", text)


def check_port(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """The port of the local cloud."""
    named = environ.get("LOCAL_CLOUD_PORT", str(PORT))
    if not named.isdecimal() or int(named) > 65_535:
        remedy = "set a number up to 65535, or unset it"
        yield trouble("port", f"LOCAL_CLOUD_PORT={named} is no port", remedy)
        return
    try:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", int(named)))
    except OSError as error:
        taken = f"{named} cannot be used ({error.strerror}): the local cloud takes another"
        yield note("port", taken, "LOCAL_CLOUD_PORT=… chooses one")
    else:
        yield well("port", f"{named} is free")


def check_ipv6() -> Iterator[Finding]:
    """IPv6 on the loopback, which nothing here needs."""
    try:
        with socket.socket(socket.AF_INET6) as server:
            server.bind(("::1", 0))
    except OSError:
        yield note("IPv6", "none: nothing here needs it, the local cloud is at 127.0.0.1")
    else:
        yield well("IPv6", "there; the local cloud is at 127.0.0.1")


def check_variables(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Variables of proxies and of AWS: only their names, since values may be secret."""
    if proxies := [name for name in _PROXIES if environ.get(name)]:
        text = "used to fetch packages, never for the local cloud"
        yield note("proxies", f"{', '.join(proxies)}: {text}")
    if foreign := sorted(name for name in environ if name.startswith(_FOREIGN) and name not in _OURS):
        text = "the local cloud ignores them; deals-ops and Terraform use them for stacks on AWS"
        yield note("variables", f"{', '.join(foreign)}: {text}")
