"""The faults and changes of the `server` step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clients.conformance.runner.server import Fault, Refusal, ScenarioServer


async def change_server(server: ScenarioServer, fields: Mapping[str, Any]) -> None:
    """Cause the faults that a step names. Raises ValueError for one that is unknown."""
    for name, value in fields.items():
        if name in {"close", "send", "raw", "release"}:
            await _say(server, name, value)
        elif not _change(server, name, value) and not _change_service(server, name, value):
            raise ValueError(f"server: {name}: unknown")


async def _say(server: ScenarioServer, name: str, value: Any) -> None:
    match name:
        case "close":
            await server.close(value.get("code", 1000), value.get("reason", ""))
        case "send":
            text = json.dumps(value).replace('"$time"', str(int(server.service.now)))
            await server.send_to_all(text)
        case "raw":
            await server.send_to_all(value)
        case "release":
            await server.release()


def _change(server: ScenarioServer, name: str, value: Any) -> bool:
    match name:
        case "refuse":
            fields = value if isinstance(value, Mapping) else {"status": value}
            server.refusals.append(
                Refusal(fields.get("status", 0), fields.get("times", 1), bool(fields.get("reset")))
            )
        case "open":
            server.opens = value
        case "drop":
            server.drop()
        case "deaf":
            server.make_deaf()
        case "on":
            server.faults.append(Fault(**value))
        case _:
            return False
    return True


def _change_service(server: ScenarioServer, name: str, value: Any) -> bool:
    service = server.service
    match name:
        case "forget" if value == "history":
            service.forget_history()
        case "forget" if value == "connection":
            for peer in server.peers:
                peer.is_known = False
        case "forget":
            for peer in server.peers:
                peer.subscriptions.pop(value["subscription"], None)
        case "features":
            service.features = tuple(value)
        case "tokenLife":
            service.token_life = value
        case "newest":
            service.newest = value - 1
        case _:
            return False
    return True
