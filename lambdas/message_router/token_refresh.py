"""`refreshToken`: a newer token of the same user extends the connection, and brings its permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_core.auth.permissions import Permissions
from realtime_core.connections.schedule import REFRESHED, due_with_token
from realtime_core.errors import AuthenticationFailed, ConnectionUnknown, StoreUnavailable, TokenRefused
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from realtime_core.push.base import DeliveryJob
from realtime_core.telemetry.logs import get_logger
from realtime_core.telemetry.metric_catalog import TOKEN_FAILURES
from realtime_core.telemetry.metrics import add
from realtime_core.wire.frames import frame, pack_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from message_router.caller import Caller, Reply
    from message_router.requests import RefreshToken
    from realtime_core.auth.base import Revocations
    from realtime_core.auth.tokens import Identity
    from realtime_core.auth.verifier import TokenVerifier
    from realtime_core.connections.base import Connection, Connections
    from realtime_core.push.pusher import Pusher
    from realtime_core.subscriptions.base import Subscriptions

log = get_logger(__name__)

NOTICE_BUDGET_SECONDS = 2.0
"""How long the reply waits for the notices of what ended; the queue takes over what is left by then."""


class TokenRefresh:
    """Performs the action on ports.

    `mark_refreshed` notes until when a user's contexts may have other permissions than the records.
    """

    def __init__(
        self,
        *,
        connections: Connections,
        subscriptions: Subscriptions,
        verifier: TokenVerifier,
        revocations: Revocations,
        pusher: Pusher,
        now: Callable[[], float],
        mark_refreshed: Callable[[str, int, Collection[str]], None],
    ) -> None:
        self._connections = connections
        self._subscriptions = subscriptions
        self._verifier = verifier
        self._revocations = revocations
        self._pusher = pusher
        self._now = now
        self._mark_refreshed = mark_refreshed

    def perform(self, action: RefreshToken, caller: Caller) -> Reply:
        """Extend the connection to the token's expiry. Raises AuthenticationFailed, ConnectionUnknown."""
        now = self._now()
        identity = self._identify(action, caller, now)
        of_both = zip(Permissions._fields, identity.permissions, caller.permissions, strict=True)
        if changed := [kind for kind, after, before in of_both if after != before]:
            # Before the record: who is told of the refresh is not to act by the context of before.
            self._mark_refreshed(caller.user_id, int(now) + CONNECTION_LIFETIME_SECONDS, changed)

        record, shortened = self._extend(caller, identity, int(now))
        record = self._end_forbidden(record, caller, int(now))
        if record.subscriptions:
            self._subscriptions.extend(record, shortened=shortened)
        return "tokenRefreshed", {"expiresAt": record.token_exp}

    def _identify(self, action: RefreshToken, caller: Caller, now: float) -> Identity:
        """The identity of a token that is good for this connection. Raises AuthenticationFailed."""
        try:
            identity = self._verifier.identify(action.token, now)
        except TokenRefused as refused:
            reason = "expired" if refused.reason == "expired" else "invalid"
            raise _refuse(refused.reason, reason, refused.detail) from refused

        if identity.user_id != caller.user_id:
            raise _refuse("other_user", "other_user")
        refusal = self._revocations.refusal(identity.user_id, identity.token_id, identity.issued_at)
        if refusal is not None:
            raise _refuse(refusal, "revoked")
        return identity

    def _extend(self, caller: Caller, identity: Identity, now: int) -> tuple[Connection, bool]:
        """Extend the connection to a good token's expiry. Raises ConnectionUnknown.

        Returns its record, and whether that may have got an earlier expiry. A token that lives longer stays,
        unless it was revoked, or permits something else: its permissions end with it.
        """
        token = (identity.token_exp, identity.issued_at, identity.token_id)
        due_at = REFRESHED
        if caller.connected_at is not None:
            due_at = due_with_token(caller.connection_id, caller.connected_at, identity.token_exp, now)

        def extend(instead_of: Connection | None = None) -> Connection:
            record = self._connections.extend(
                caller.connection_id,
                *token,
                permissions=identity.permissions,
                due_at=due_at,
                instead_of=instead_of,
            )
            if record is None:
                raise ConnectionUnknown("The server has no record of this connection; reconnect")
            return record

        record = extend()
        known = (record.token_exp, record.issued_at, record.token_id)
        replaces = record.permissions != identity.permissions or (
            known != token
            and self._revocations.refusal(record.user_id, record.token_id, record.issued_at) is not None
        )
        return (extend(record), True) if replaces else (record, False)

    def _end_forbidden(self, record: Connection, caller: Caller, now: int) -> Connection:
        """End the subscriptions that the token does not cover, and tell the client; the record after it."""
        ended = self._subscriptions.end_forbidden(record)
        if not ended:
            return record
        log.info("subscriptions_ended", reason="permissions", count=len(ended))
        try:
            self._tell_ended(ended, caller, now)
        except StoreUnavailable:
            # They have ended all the same, and the refresh has not failed.
            log.exception("subscriptions_ended_untold", count=len(ended))
        return record._replace(
            subscriptions={topic: item for topic, item in record.subscriptions.items() if topic not in ended}
        )

    def _tell_ended(self, topics: Sequence[str], caller: Caller, now: int) -> None:
        frames = [
            frame("subscriptionEnded", {"topic": topic, "reason": "permissions"}, now=now) for topic in topics
        ]
        for payload, _ in pack_frames(frames, now=now):
            job = DeliveryJob(
                payload,
                (caller.connection_id,),
                "message",
                caller.correlation_id,
                int(self._now() * 1000),
                correlation_id=caller.correlation_id,
            )
            self._pusher.push(job, NOTICE_BUDGET_SECONDS)


def _refuse(logged: str, reason: str, detail: str | None = None) -> AuthenticationFailed:
    """Log and count a refused token; returns the error. The client learns no more than the kind of cause."""
    log.info("refresh_refused", reason=logged, detail=detail)
    add(TOKEN_FAILURES, 1, logged)
    message = "The token was revoked" if reason == "revoked" else "The token is not valid for this connection"
    return AuthenticationFailed(message, {"reason": reason})
