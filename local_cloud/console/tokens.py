"""Demo tokens, and their revocation: signed by the stack's own secret, which stays in the emulator's store.

A token is in the answer alone, never in a URL or a log.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from deals_ops.token_issuer import TOKEN_SECONDS, StackTokenIssuer
from local_cloud.console.janitor_run import run_janitor
from local_cloud.gateway.control_calls import BadCall
from realtime_core.auth.base import Revocation
from realtime_core.auth.permissions import read_permissions
from realtime_core.errors import TokenRefused
from realtime_core.wire.fields import IDENTIFIER

if TYPE_CHECKING:
    from deals_ops.stack import Stack
    from local_cloud.console.applied_stack import AppliedStack
    from local_cloud.gateway.control_calls import ControlCalls

SECONDS_MAX = 86_400
_TOKEN_FIELDS = frozenset({"user_id", "expires_in_s", "topics", "recipients", "scope"})


class Tokens:
    """Issues and revokes tokens of demo people."""

    def __init__(self, applied: AppliedStack) -> None:
        self._applied = applied

    def calls(self) -> ControlCalls:
        """Return the calls by method and path."""
        return {"POST tokens": self._issue, "POST revocations": self._revoke}

    async def _issue(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(body) - _TOKEN_FIELDS:
            raise BadCall(f"{min(unknown)}: unknown; a token has {', '.join(sorted(_TOKEN_FIELDS))}")
        user, seconds = _read_user(body), body.get("expires_in_s", TOKEN_SECONDS)
        if type(seconds) is not int or not 1 <= seconds <= SECONDS_MAX:
            raise BadCall(f"expires_in_s: {seconds!r}; give a whole number from 1 to {SECONDS_MAX}")
        permissions = _read_permissions(body)
        if "scope" in body and not isinstance(body["scope"], str):
            raise BadCall(f"scope: {body['scope']!r}; give a text, such as websocket")

        now = int(time.time())

        def issue(stack: Stack) -> str:
            issuer = StackTokenIssuer(stack)
            names = issuer.claim_names
            claims = {getattr(names, field): value for field, value in permissions.items()}
            if "scope" in body:
                claims[names.scope] = body["scope"]
            return issuer.issue(user, now, seconds, claims)

        return {"token": await self._applied.run(issue), "expires_at": now + seconds}

    async def _revoke(self, body: dict[str, Any]) -> dict[str, Any]:
        """Revoke every token that a user has got, and close the connections that were opened with them."""
        user, now = _read_user(body), int(time.time())
        await self._applied.run(lambda stack: stack.revocations.revoke(Revocation(user, now, now)))
        # A token of the same second is revoked too: one that is asked for after this answer is newer.
        await asyncio.sleep(max(0.0, now + 1 - time.time()))
        await self._applied.run(run_janitor)
        return {"revoked_before": now}


def _read_user(body: dict[str, Any]) -> str:
    if "user_id" not in body:
        raise BadCall("user_id: missing")
    user = body["user_id"]
    if not isinstance(user, str) or not IDENTIFIER.fullmatch(user):
        raise BadCall(f"user_id: {user!r:.100}; give 1 to 128 letters, digits and . _ : @ | -")
    return user


def _read_permissions(body: dict[str, Any]) -> dict[str, list[str]]:
    """Return the patterns of `topics` and `recipients` that were given. Raises BadCall."""
    given = {field: body[field] for field in ("topics", "recipients") if body.get(field) is not None}
    try:
        read_permissions(given, "topics", "recipients")
    except TokenRefused as refused:
        raise BadCall(f'{refused.detail}; give a list of patterns, such as ["books.*"]') from refused
    return given
