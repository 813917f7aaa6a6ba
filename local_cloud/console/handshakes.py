"""The last handshakes, each with the reason that the service logged for refusing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local_cloud.console.function_logs import iterate_lines

if TYPE_CHECKING:
    from deals_ops.stack import Stack
    from local_cloud.console.applied_stack import AppliedStack
    from local_cloud.gateway.control_calls import ControlCalls
    from local_cloud.gateway.handshakes import HandshakeRecord, Handshakes

_REFUSING = {401: "authorizer", 403: "authorizer", 429: "connection_handler"}
"""The function that logs why it refused a handshake, by status."""
_EVENT = "connect_refused"
_BEFORE_S = 5


class HandshakeCalls:
    """Lists handshakes."""

    def __init__(self, applied: AppliedStack, handshakes: Handshakes) -> None:
        self._applied, self._handshakes = applied, handshakes
        self._logged: dict[str, str] = {}

    def calls(self) -> ControlCalls:
        """Return the call by method and path."""
        return {"GET handshakes": self._list}

    async def _list(self, _: dict[str, Any]) -> dict[str, Any]:
        records = list(self._handshakes)
        unknown = [r for r in records if r.status in _REFUSING and r.request_id not in self._logged]
        if unknown and await self._applied.find() is not None:
            told = {r.request_id: self._logged[r.request_id] for r in records if r.request_id in self._logged}
            self._logged = told | await self._applied.run(lambda stack: _read_reasons(stack, unknown))
        return {"handshakes": [self._describe(record) for record in records]}

    def _describe(self, record: HandshakeRecord) -> dict[str, Any]:
        reason = self._logged.get(record.request_id) or record.reason or "accepted"
        known = {"user_id": record.user_id} if record.user_id else {}
        return {
            "at_ms": record.at_ms,
            "status": record.status,
            "reason": reason,
            "connection_id": record.connection_id,
            **known,
        }


def _read_reasons(stack: Stack, records: list[HandshakeRecord]) -> dict[str, str]:
    """Return the logged reasons by request id; a function may still be about to log its own."""
    reasons = {}
    for function in set(_REFUSING.values()):
        ids = {record.request_id for record in records if _REFUSING[record.status] == function}
        if not ids:
            continue
        since = min(record.at_ms for record in records) / 1000 - _BEFORE_S
        for line in iterate_lines(stack, f"{stack.prefix}-{function}", since, _EVENT):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("correlationId") in ids:
                reasons[entry["correlationId"]] = f"{entry['reason']} {entry.get('detail') or ''}".strip()
    return reasons
