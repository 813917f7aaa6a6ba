"""Whom a caller may write to, and ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.errors import Forbidden

if TYPE_CHECKING:
    from message_router.caller import Caller


def check_recipient_permitted(caller: Caller, user_id: str) -> None:
    """Raise Forbidden unless the caller's permissions cover the user."""
    if not caller.permissions.permits_recipient(user_id):
        raise Forbidden(
            f"The token does not permit the recipient {user_id}",
            {"reason": "recipient", "recipientId": user_id},
        )
