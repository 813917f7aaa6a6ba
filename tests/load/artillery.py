"""The same service under artillery, a load generator that is not ours: each of its users has one connection.

It is not among this repository's tools, since it has a thousand dependencies: `npm install --prefix FOLDER
artillery`, and name `FOLDER/node_modules/.bin/artillery` in ARTILLERY unless it is on the PATH.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.load.scenarios import Figures, Load

ARRIVALS_PER_SECOND = 10
REPLY_SECONDS = 60


class ArtilleryMissing(Exception):
    """artillery is not installed."""


def find_artillery() -> str:
    """Return the program. Raises ArtilleryMissing."""
    found = os.environ.get("ARTILLERY") or shutil.which("artillery")
    if found is None:
        raise ArtilleryMissing(
            "artillery is not on the PATH: `npm install --prefix .tools/artillery artillery`, "
            "then set ARTILLERY=.tools/artillery/node_modules/.bin/artillery"
        )
    return found


def artillery(load: Load) -> Figures:
    """Let artillery's users connect, subscribe, ask for their status and a ping, while events come."""
    program, topic = find_artillery(), f"{load.name}.artillery"
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        script, report = folder / "script.json", folder / "report.json"
        script.write_text(json.dumps(_script(load, topic)), "utf-8")
        tokens = [load.stack.token(f"{load.name}-a{number}") for number in range(load.size.connections)]
        (folder / "users.csv").write_text("\n".join(tokens) + "\n", "utf-8")
        command = [program, "run", "--quiet", "--output", str(report), str(script)]
        environment = {**os.environ, "ARTILLERY_DISABLE_TELEMETRY": "true"}
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as running:
            seconds = load.size.connections / ARRIVALS_PER_SECOND + load.size.seconds
            asyncio.run(load.traffic(seconds, lambda _: topic))
            status = running.wait()
        counters = json.loads(report.read_text("utf-8"))["aggregate"]["counters"]
    lost = load.size.connections - counters.get("vusers.completed", 0)
    return {
        "exit": status,
        "missing": lost,
        "dropped": lost,
        **{
            name: count
            for name, count in counters.items()
            if name.startswith(("vusers", "websocket", "errors"))
        },
    }


def _script(load: Load, topic: str) -> dict[str, Any]:
    ramp = max(1, round(load.size.connections / ARRIVALS_PER_SECOND))
    return {
        "config": {
            "target": load.stack.websocket_url,
            "timeout": REPLY_SECONDS,
            "phases": [{"duration": ramp, "arrivalCount": load.size.connections}],
            "payload": {"path": "users.csv", "order": "sequence", "fields": ["token"]},
        },
        "scenarios": [
            {
                "engine": "ws",
                "flow": [
                    {"connect": {"target": load.stack.websocket_url + "?token={{ token }}"}},
                    {"send": {"action": "getStatus", "requestId": "status"}},
                    {"send": {"action": "subscribeToDeals", "data": {"topic": topic}, "requestId": "s"}},
                    {"think": load.size.seconds},
                    # Fails the user unless a frame comes back: the connection is still good.
                    {
                        "send": {
                            "payload": '{"action":"ping"}',
                            "match": {"json": "$.timestamp", "value": "", "strict": False},
                        }
                    },
                ],
            }
        ],
    }
