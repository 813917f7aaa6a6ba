"""The service as a scenario needs it: events with positions, a history, an inbox, and its answers.

It follows the wire protocol, and matches by the service's own filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from realtime_core.filters.filters import Attributes, Filter, parse_filter

Frame: TypeAlias = dict[str, Any]

EPOCH = 1795382480
"""The wall clock at the beginning of a scenario."""
FIRST_POSITION = 1001
FEATURES = ("keepAlive", "recent", "getEvents", "presence", "eventFilters", "closing")
USER = "ann"


class Refused(Exception):
    """A request is answered with an error."""

    def __init__(self, code: str, details: Any = None) -> None:
        super().__init__(code)
        self.code, self.details = code, details


@dataclass
class Peer:
    """A connection as the service knows it."""

    number: int
    token: str
    expires_at: float
    subscriptions: dict[str, Filter] = field(default_factory=dict)
    is_known: bool = True


@dataclass
class Service:
    """The service of one scenario. `now` moves with the client's clock."""

    page_events: int = 50
    token_life: float = 3600.0
    features: tuple[str, ...] = FEATURES
    now: float = float(EPOCH)
    newest: int = FIRST_POSITION - 1
    floor: int = 0
    """The lowest `since` that the history reaches."""
    events: list[Frame] = field(default_factory=list)
    inbox: list[Frame] = field(default_factory=list)
    sent: dict[str, Frame] = field(default_factory=dict)
    """The messages that were stored, by request id."""
    tokens: dict[str, float] = field(default_factory=dict)
    """When each token expires."""

    def issue_token(self) -> str:
        """Return a new token."""
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = self.now + self.token_life
        return token

    def add_event(self, topic: str, data: Any, filters: Any, type_: str, event_id: str | None) -> Frame:
        """Store an event and return its frame."""
        self.newest += 1
        event: Frame = {
            "type": type_,
            "topic": topic,
            "eventId": event_id or f"event-{self.newest}",
            "position": self.newest,
            "data": data,
            "timestamp": int(self.now),
        }
        if filters:
            event["filters"] = filters
        self.events.append(event)
        return event

    def wants(self, topic: str, wanted: Filter, event: Mapping[str, Any]) -> bool:
        """Whether a subscription receives an event."""
        is_public = not event["topic"].startswith("private.")
        if topic != event["topic"] and not (topic == "all-deals" and is_public):
            return False
        data = event["data"] if isinstance(event["data"], dict) else {}
        return wanted.matches(Attributes(event.get("filters", {}), data))

    def as_sent(self, event: Frame) -> Frame:
        """Return an event's frame; a first release keeps the publisher's filters to itself."""
        if "eventFilters" in self.features:
            return event
        return {name: value for name, value in event.items() if name != "filters"}

    def forget_history(self) -> None:
        """Trim the history."""
        self.events.clear()
        self.floor = self.newest + 1

    def perform(  # noqa: PLR0911 - a return for each action
        self, peer: Peer, action: str, data: Mapping[str, Any], request_id: str
    ) -> tuple[str, Any]:
        """Return the type and data of a reply. Raises Refused."""
        if not peer.is_known and action in {"getStatus", "subscribeToDeals", "unsubscribeFromDeals"}:
            raise Refused("CONNECTION_ERROR")

        match action:
            case "ping":
                return "pong", {}
            case "getStatus":
                return "statusUpdate", self._status(peer)
            case "subscribeToDeals":
                return "subscriptionConfirmed", self._subscribe(peer, data)
            case "getEvents" if "getEvents" in self.features:
                return "events", self._read(data, parse_filter(data.get("filters", {})))
            case "unsubscribeFromDeals":
                peer.subscriptions.pop(data["topic"], None)
                return "unsubscriptionConfirmed", {"topic": data["topic"]}
            case "refreshToken":
                peer.expires_at = self.tokens[data["token"]]
                return "tokenRefreshed", {"expiresAt": int(peer.expires_at)}
            case _:
                return self._perform_on_messages(action, data, request_id)

    def _perform_on_messages(self, action: str, data: Mapping[str, Any], request_id: str) -> tuple[str, Any]:
        match action:
            case "sendMessage":
                reply = self.sent.setdefault(
                    request_id,
                    {
                        "messageId": f"message-{len(self.sent) + 1:03}",
                        "recipientId": data["recipientId"],
                        "timestamp": int(self.now),
                    },
                )
                return "messageSent", reply
            case "getMessages":
                return "messages", self._read_inbox(data)
            case "notificationAck":
                return "notificationAcked", self._acknowledge(data)
            case "getPresence" if "presence" in self.features:
                return "presence", {"users": {user: {"online": user == USER} for user in data["users"]}}
        raise Refused("VALIDATION_ERROR", [{"field": "action", "problem": "is not known"}])

    def _status(self, peer: Peer) -> Frame:
        status: Frame = {
            "connectionId": f"connection-{peer.number}",
            "userId": USER,
            "connectedSince": int(self.now),
            "tokenExpiresAt": int(peer.expires_at),
            "subscriptions": [
                {"topic": topic, "filters": wanted.as_object()}
                for topic, wanted in sorted(peer.subscriptions.items())
            ],
            "unread": sum(entry["status"] != "read" for entry in self.inbox),
            "systemStatus": "operational",
        }

        # A service of the first release has none, and says so by leaving this out.
        if self.features:
            status["server"] = {
                "protocol": 1,
                "time": int(self.now),
                "heartbeatSeconds": 480,
                "frameBytesMax": 32768,
                "features": list(self.features),
            }
        return status

    def _subscribe(self, peer: Peer, data: Mapping[str, Any]) -> Frame:
        if "recent" in data and "recent" not in self.features:
            raise Refused("VALIDATION_ERROR", [{"field": "data.recent", "problem": "is not known"}])
        wanted = parse_filter(data.get("filters", {}))
        peer.subscriptions[data["topic"]] = wanted
        reply = {"topic": data["topic"], "filters": wanted.as_object()}
        if "since" not in data and "recent" not in data:
            return {**reply, "position": self.newest}
        return {**reply, **self._read(data, wanted)}

    def _read(self, data: Mapping[str, Any], wanted: Filter) -> Frame:
        """Read the history after `since`, or the newest `recent`."""
        since, recent = data.get("since"), data.get("recent")
        matching = [event for event in self.events if self.wants(data["topic"], wanted, event)]
        recovered = since is not None and self.floor <= since <= self.newest
        if since is None or (not recovered and recent is not None):
            newest = [self.as_sent(event) for event in matching[-(recent or 0) :]]
            return {"position": self.newest, "events": newest, "recovered": since is None}
        later = [event for event in matching if event["position"] > since]
        page = later[: self.page_events]
        more = len(later) > len(page)
        position = page[-1]["position"] if more else self.newest
        reply: Frame = {
            "position": position,
            "events": [self.as_sent(event) for event in page],
            "recovered": recovered,
        }
        return {**reply, "more": True} if more else reply

    def _read_inbox(self, data: Mapping[str, Any]) -> Frame:
        entries = [entry for entry in self.inbox if entry["messageId"] > data.get("after", "")]
        if "status" in data:
            entries = [entry for entry in entries if entry["status"] == data["status"]]
        page = entries[: min(data.get("limit", 50), self.page_events)]
        return (
            {"messages": page, "next": page[-1]["messageId"]}
            if len(entries) > len(page)
            else {"messages": page}
        )

    def _acknowledge(self, data: Mapping[str, Any]) -> Frame:
        for entry in self.inbox:
            if entry["messageId"] == data["messageId"]:
                entry["status"] = data["type"]
                return {**data, "timestamp": int(self.now)}
        raise Refused("NOT_FOUND")


def frame(type_: str, data: Any, now: float, request_id: str | None = None) -> Frame:
    """Return a frame of the service."""
    built: Frame = {"type": type_, "data": data, "timestamp": int(now)}
    return built if request_id is None else {**built, "requestId": request_id}


def batch_frame(frames: Iterable[Frame], now: float) -> Frame:
    """Return a frame that carries several pushes."""
    return frame("batch", {"frames": list(frames)}, now)
