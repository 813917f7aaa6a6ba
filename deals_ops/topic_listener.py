"""Listens to one topic by the Python client, and gives up where an operator would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from deals_client import (
    AuthenticationError,
    DealsError,
    Forbidden,
    HandshakeRefused,
    NotAuthorized,
    Options,
    ValidationError,
)
from deals_client.sync import DealsClient, Subscription
from deals_ops.errors import CallFailed, NotAllowed, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deals_client import ClientWarning, Event, Gap, StateChange, SubscriptionChange

ATTEMPTS_MAX = 8
"""Attempts in a row that fail before a connection lasts."""
UNAUTHORIZED = "the token was refused (401): it is malformed, expired or wrongly signed"
FORBIDDEN = "the token was refused (403): it is valid, but does not allow to connect"

Frame = dict[str, Any]


@dataclass
class TopicListener:
    """Yields the events of a topic, each once.

    `get_token` returns a token for each connection and refresh; `print_note` reports gaps and reconnects.
    """

    url: str
    topic: str
    filters: Mapping[str, Any]
    get_token: Callable[[], str]
    print_note: Callable[[str], None]
    since: int | None = None
    options: Options = field(default_factory=Options)
    _items: SimpleQueue[Frame | Exception] = field(default_factory=SimpleQueue)
    """Events, or the error that ends it all."""
    _failures: int = 0
    _refusal: HandshakeRefused | None = None
    """The last one, since there was a connection."""
    _subscription: Subscription | None = None

    def events(self) -> Iterator[Frame]:
        """Yield events for ever. Raises NotAllowed if the token is refused, CallFailed after 8 attempts."""
        client = DealsClient(self.url, self._ask_token, options=self.options)
        client.on("state", self._take_state)
        client.on("warning", self._take_warning)
        try:
            client.start()
            self._subscription = client.subscribe(
                self.topic,
                filters=self.filters,
                since=self.since,
                on_event=lambda event: self._items.put(to_frame(event)),
                on_gap=self._take_gap,
                on_state=self._take_subscription_state,
            )
            # A refusal that came before the subscription was known here.
            self._take_end()
            while True:
                item = self._items.get()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            client.close()

    def _ask_token(self, _reason: str) -> str:
        if self._refusal is not None and self._refusal.status == 401:
            raise NotAuthorized(UNAUTHORIZED)
        return self.get_token()

    def _take_state(self, change: StateChange) -> None:
        match change.state:
            case "connected":
                self._failures, self._refusal = 0, None
            case "stopped":
                self._items.put(NotAllowed(FORBIDDEN if self._status == 403 else UNAUTHORIZED))
            case "waiting":
                self._failures += 1
                why = str(self._refusal or change.reason)
                if self._failures == ATTEMPTS_MAX:
                    self._items.put(CallFailed(f"no connection to {self.url}: {why}"))
                else:
                    self.print_note(f"disconnected ({why}); retry in {change.retry_in or 0:.0f} s")

    @property
    def _status(self) -> int | None:
        return None if self._refusal is None else self._refusal.status

    def _take_warning(self, warning: ClientWarning) -> None:
        if isinstance(warning.error, HandshakeRefused):
            self._refusal = warning.error
        elif warning.code == "tokenFailed" and isinstance(warning.error, Exception):
            # The operator's own access failed: trying again would not help.
            self._items.put(warning.error)

    def _take_gap(self, gap: Gap) -> None:
        self.print_note(f"the history does not reach back to {gap.since}: some events are missing")

    def _take_subscription_state(self, change: SubscriptionChange) -> None:
        if change.state == "ended":
            self._take_end()

    def _take_end(self) -> None:
        error = None if self._subscription is None else self._subscription.error
        if isinstance(error, DealsError):
            self._items.put(_translate(error))


def to_frame(event: Event) -> Frame:
    """Return an event as the frame that it came in."""
    fields = {
        "type": event.type,
        "data": event.data,
        "topic": event.topic,
        "eventId": event.event_id,
        "position": event.position,
        "filters": event.filters,
        "expiresAt": event.expires_at,
        "timestamp": event.timestamp,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _translate(error: DealsError) -> Exception:
    text = f"subscribeToDeals was refused: {error}"
    match error:
        case ValidationError():
            return WrongArgument(text)
        case AuthenticationError() | Forbidden():
            return NotAllowed(text)
        case _:
            return CallFailed(text)
