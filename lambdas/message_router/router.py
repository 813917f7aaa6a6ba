"""Answers a MESSAGE event with the reply frame: decode, identify, count, check the token, parse, perform.

What is cheap comes first. A filter takes thousands of times as long to parse as its frame to decode, so only
what was counted is parsed, and no action of a user who exceeds the limit reads a store.

The reply to a client's mistake is an `error` frame with status 200: API Gateway counts a 4xx or 5xx status as
an IntegrationError of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.actions import NO_RECORD, Actions
from message_router.caller import Caller
from message_router.heartbeats import KEEP_ALIVE, answer_heartbeat
from message_router.requests import check_known, parse_action
from realtime_core.auth.tokens import LEEWAY_SECONDS, is_expired
from realtime_core.errors import ActionError, AuthenticationFailed, ConnectionUnknown
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import ERROR_RATE, MESSAGE_COUNT
from realtime_core.telemetry.metrics import add
from realtime_core.wire.frames import decode_request, error_frame, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from message_router.action_limits import ActionLimits
    from realtime_core.connections.base import Connections

log = get_logger(__name__)

PING, REFRESH = "ping", "refreshToken"

UNKNOWN = "unknown"
"""Counts frames without a known action: text that clients make up must not become metrics."""

INTERNAL_MESSAGE = (
    "Something went wrong on our side; try again, and name the correlationId when you report it"
)


class InternalError(ActionError):
    """A fault of the service: the client learns the id to report, and nothing else."""

    def __init__(self, correlation_id: str) -> None:
        super().__init__(INTERNAL_MESSAGE, {"correlationId": correlation_id})


class Incoming(NamedTuple):
    """A MESSAGE event: the frame's text, and its sender."""

    body: str | None
    connection_id: str
    correlation_id: str
    authorizer: Mapping[str, Any]
    """The authorizer's context; empty if API Gateway did not pass it on."""
    received_ms: int
    """When API Gateway received the frame, epoch milliseconds."""
    connected_at: int | None = None
    """When the connection was made, epoch seconds."""


class Router:
    """Answers frames, one at a time."""

    def __init__(
        self,
        actions: Actions,
        connections: Connections,
        limits: ActionLimits,
        now: Callable[[], float],
        leeway_seconds: int = LEEWAY_SECONDS,
    ) -> None:
        self._actions = actions
        self._connections = connections
        self._limits = limits
        self._now = now
        self._leeway_seconds = leeway_seconds

    def reply(self, incoming: Incoming) -> str:
        """Return the frame that answers `incoming`; never raises."""
        heartbeat = answer_heartbeat(incoming.body, int(self._now()))
        if heartbeat is not None:
            add(MESSAGE_COUNT, 1, KEEP_ALIVE)
            return heartbeat

        request_id: str | None = None
        counted_as = UNKNOWN

        try:
            request = decode_request(incoming.body)
            request_id = request.request_id
            bind(clientRequestId=request_id)
            check_known(request)
            counted_as = request.action
            bind(action=counted_as)

            caller = self._admit(incoming, request.action)
            action = parse_action(request)
            log.debug("action_understood")
            type_, data = self._actions.perform(action, caller, request_id)
            add(ERROR_RATE, 0)
            return frame(type_, data, now=int(self._now()), request_id=request_id)
        except ActionError as error:
            log.info("action_refused", code=error.code)
            return self._error(error, request_id or error.request_id)
        except Exception:
            log.exception("action_failed")
            return self._error(InternalError(incoming.correlation_id), request_id)
        finally:
            add(MESSAGE_COUNT, 1, counted_as)

    def _error(self, error: ActionError, request_id: str | None) -> str:
        add(ERROR_RATE, 1, error.code)
        return error_frame(error, now=int(self._now()), request_id=request_id)

    def _admit(self, incoming: Incoming, action: str) -> Caller:
        """Identify the caller, count the action, and check the token. Raises ActionError.

        By the authorizer's context, or by the record if that is absent or has expired: the context has the
        expiry of the token that opened the connection; after a refresh, only the record has the newer one. A
        ping with a token that has not expired reads no store.
        """
        now = self._now()
        known = self._caller_by_context(incoming)
        if known is not None:
            bind(userId=known.user_id)
            self._limits.take(action, known.user_id, now)
            if action == REFRESH or not self._is_expired(known, now):
                return known
        elif action == PING:
            return _caller(incoming, "", 0)

        record = self._connections.get(incoming.connection_id)
        if record is None:
            raise ConnectionUnknown(NO_RECORD)
        caller = _caller(incoming, record.user_id, record.token_exp)
        if known is None:
            bind(userId=caller.user_id)
            self._limits.take(action, caller.user_id, now)
        if action != REFRESH and self._is_expired(caller, now):
            raise AuthenticationFailed("The token has expired; send refreshToken or reconnect with a new one")
        return caller

    def _caller_by_context(self, incoming: Incoming) -> Caller | None:
        user_id, token_exp = incoming.authorizer.get("userId"), incoming.authorizer.get("tokenExp")
        return _caller(incoming, str(user_id), int(token_exp)) if user_id and token_exp else None

    def _is_expired(self, caller: Caller, now: float) -> bool:
        """As at the handshake: what opens a connection may act on it."""
        return is_expired(caller.token_exp, self._leeway_seconds, now)


def _caller(incoming: Incoming, user_id: str, token_exp: int) -> Caller:
    return Caller(
        incoming.connection_id,
        user_id,
        token_exp,
        incoming.correlation_id,
        incoming.received_ms,
        incoming.connected_at,
    )
