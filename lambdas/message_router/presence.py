"""`getPresence`: which users have a connection now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.auth.permissions import check_recipient_permitted

if TYPE_CHECKING:
    from message_router.caller import Caller, Reply
    from message_router.requests import GetPresence
    from realtime_core.connections.base import ConnectionCounts


def answer_presence(action: GetPresence, caller: Caller, counts: ConnectionCounts, now: int) -> Reply:
    """The reply, after a read for each user, `now` in epoch seconds. Raises Forbidden for one out of bounds.

    A user who does not exist is one who is not there: the service knows no list of users.
    """
    for user_id in action.users:
        check_recipient_permitted(caller.permissions, user_id)
    online = counts.online(action.users, now)
    return "presence", {"users": {user_id: {"online": user_id in online} for user_id in action.users}}
