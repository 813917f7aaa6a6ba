"""Answers a MESSAGE event with the reply frame: decode, identify, count, check the token, parse, perform.

What is cheap comes first. A filter takes thousands of times as long to parse as its frame to decode, so only
what was counted is parsed. The reads that an action begins with are sent together with the write that counts
it; a user who is known to have exceeded the limit is refused before both.

The reply to a client's mistake is an `error` frame with status 200: API Gateway counts a 4xx or 5xx status as
an IntegrationError of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from message_router.action_limits import PERMITTED_BY_CONTEXT
from message_router.actions import NO_RECORD, Actions
from message_router.caller import Caller
from message_router.heartbeats import KEEP_ALIVE, answer_heartbeat
from message_router.requests import ACTIONS, parse_action, refuse_unknown
from realtime_core.auth.permissions import UNRESTRICTED, Permissions, decode_permissions
from realtime_core.auth.tokens import LEEWAY_SECONDS, is_expired
from realtime_core.errors import ActionError, AuthenticationFailed, ConnectionUnknown, Forbidden
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import ERROR_RATE, FORBIDDEN, MESSAGE_COUNT
from realtime_core.telemetry.metrics import add
from realtime_core.wire.frames import decode_request, error_frame, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from message_router.action_limits import ActionLimits
    from message_router.actions import StartedReads
    from message_router.caller import Reply
    from realtime_core.connections.base import Connection, Connections
    from realtime_core.wire.frames import Request

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
            if request.action in ACTIONS:
                counted_as = request.action
                bind(clientRequestId=request_id, action=counted_as)
            else:
                bind(clientRequestId=request_id)
                refuse_unknown(request)

            type_, data = self._answer(incoming, request)
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

    def _answer(self, incoming: Incoming, request: Request) -> Reply:
        """Admit a request, parse and perform it; returns its reply. Raises ActionError."""
        known = self._caller_by_context(incoming)
        if known is None:
            caller = self._admit_by_record(incoming, request.action)
            return self._actions.perform(parse_action(request), caller, request.request_id)

        bind(userId=known.user_id)
        now = self._now()
        self._limits.check(request.action, known.user_id, now)
        # Sent before the action is counted, so that both wait together.
        reads = self._actions.start_reads(request.action, known)
        try:
            refreshed = self._limits.take(request.action, known.user_id, now)
            caller = self._verify(known, request.action, reads, now, refreshed=refreshed)
            return self._actions.perform(parse_action(request), caller, request.request_id, reads)
        finally:
            if reads is not None:
                reads.discard()

    def _error(self, error: ActionError, request_id: str | None) -> str:
        add(ERROR_RATE, 1, error.code)
        if isinstance(error, Forbidden):
            add(FORBIDDEN, 1, error.details["reason"])
        return error_frame(error, now=int(self._now()), request_id=request_id)

    def _verify(
        self, known: Caller, action: str, reads: StartedReads | None, now: float, *, refreshed: bool
    ) -> Caller:
        """Return the caller with the expiry of the newest token. Raises ActionError if that has expired.

        The authorizer's context has the expiry and the permissions of the token that opened the connection;
        after a refresh, only the record has the newer ones. `refreshed` says that the user may have changed
        the permissions by one. A ping with a token that has not expired reads no store.
        """
        outdated = self._is_expired(known, now) or (refreshed and action in PERMITTED_BY_CONTEXT)
        if action == REFRESH or not outdated:
            return known
        found = reads.connection.result()[0] if reads else self._connections.get(known.connection_id)
        record = _require(found)
        caller = known._replace(token_exp=record.token_exp, permissions=record.permissions)
        self._check_expiry(caller, action, now)
        return caller

    def _admit_by_record(self, incoming: Incoming, action: str) -> Caller:
        """Identify a caller without a context, by the record, and count the action. Raises ActionError."""
        if action == PING:
            return _caller(incoming, "", 0, UNRESTRICTED)
        now = self._now()
        record = _require(self._connections.get(incoming.connection_id))
        caller = _caller(incoming, record.user_id, record.token_exp, record.permissions)
        bind(userId=caller.user_id)
        self._limits.take(action, caller.user_id, now)
        self._check_expiry(caller, action, now)
        return caller

    def _check_expiry(self, caller: Caller, action: str, now: float) -> None:
        if action != REFRESH and self._is_expired(caller, now):
            raise AuthenticationFailed(
                "The token has expired; send refreshToken or reconnect with a new one", {"reason": "expired"}
            )

    def _caller_by_context(self, incoming: Incoming) -> Caller | None:
        user_id, token_exp = incoming.authorizer.get("userId"), incoming.authorizer.get("tokenExp")
        if not user_id or not token_exp:
            return None
        return _caller(incoming, str(user_id), int(token_exp), decode_permissions(incoming.authorizer))

    def _is_expired(self, caller: Caller, now: float) -> bool:
        """As at the handshake: what opens a connection may act on it."""
        return is_expired(caller.token_exp, self._leeway_seconds, now)


def _require(record: Connection | None) -> Connection:
    if record is None:
        raise ConnectionUnknown(NO_RECORD)
    return record


def _caller(incoming: Incoming, user_id: str, token_exp: int, permissions: Permissions) -> Caller:
    return Caller(
        incoming.connection_id,
        user_id,
        token_exp,
        incoming.correlation_id,
        incoming.received_ms,
        incoming.connected_at,
        permissions,
    )
