"""Plays the commands of docs/drills.md, as an operator copies them from the page, on the applied service."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from typing import TYPE_CHECKING

from local_cloud.stack import REGION, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.service import Service

PAGE = ROOT / "docs" / "drills.md"
_PRELUDE = """\
set -euo pipefail
aws() { "$DRILL_PYTHON" -m tests.e2e.aws_cli "$@"; }
ops() { "$DRILL_PYTHON" -m deals_ops "$@"; }
[ ! -f "$DRILL_STATE" ] || . "$DRILL_STATE"
"""


def read_blocks(heading: str) -> list[str]:
    """Return the commands below a heading of the page, block by block."""
    text = PAGE.read_text("utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


class Drill:
    """One drill. Variables that a block sets, the later ones have, as in an operator's shell."""

    def __init__(self, service: Service, folder: Path, heading: str, environment: str = "local") -> None:
        self.blocks = read_blocks(heading)
        self._state = folder / "variables"
        self._environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": service.stack.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "DEALS_ENVIRONMENT": environment,
            "DRILL_PYTHON": sys.executable,
            "DRILL_STATE": str(self._state),
            "P": f"deals-{environment}",
        }

    async def play(self, block: int, *, codes: tuple[int, ...] = (0,), **variables: str) -> str:
        """Run a block; return what it prints."""
        commands = self.blocks[block]
        kept = set(re.findall(r"^([A-Z]+)=", commands, re.MULTILINE)) | {*variables}
        keep = f'\ndeclare -p {" ".join(sorted(kept))} >> "$DRILL_STATE"\n' if kept else "\n"
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            _PRELUDE + commands + keep,
            cwd=ROOT,
            env={**self._environment, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode in codes, f"{process.returncode}: {out.decode()}{err.decode()}"
        return out.decode()

    def variable(self, name: str) -> str:
        """Return a variable that a block has set."""
        found = re.findall(rf'^declare -\S+ {name}="(.*)"$', self._state.read_text(), re.MULTILINE)
        return str(found[-1])
