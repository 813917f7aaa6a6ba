"""What the rules need of the outside.

Every port has an adapter for AWS and an in-memory twin, and both pass the same contract tests. A call that
cannot be served raises `StoreUnavailable`; nothing returns half.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from realtime_core.domain.health import Health
from realtime_core.domain.history import Admission, Horizon, Past
from realtime_core.domain.limits import Limit
from realtime_core.domain.model import (
    Acknowledgement,
    Connection,
    DeliveryJob,
    Group,
    Message,
    MessageStatus,
    PostReport,
    ProbeReport,
    Recipient,
)
from realtime_core.domain.revocations import Revocation
from realtime_core.domain.tokens import PublicKey
from realtime_core.domain.upkeep import Tended


class ConnectionCounts(Protocol):
    """How many are connected."""

    def count_of_user(self, user_id: str, now: int) -> int:
        """How many connections of a user are open (one query; may lag a connect by a moment)."""


class Connections(ConnectionCounts, Protocol):
    """The record of who is connected. One item a connection, found by its id or its user."""

    def add(self, connection: Connection) -> None:
        """Store a new connection (one write, no read)."""

    def get(self, connection_id: str) -> Connection | None:
        """The record as last written (one consistent read), or None."""

    def remove(self, connection_id: str) -> Connection | None:
        """Delete the record and return it as it was (one write), or None if there was none."""

    def of_user(self, user_id: str) -> list[Recipient]:
        """Every connection of a user (one query; may lag a connect by a moment)."""

    def extend(
        self, connection_id: str, token_exp: int, issued_at: int = 0, token_id: str | None = None
    ) -> Connection | None:
        """Let it live by a newer token (one write); the record after it, or None if there is none.

        `token_exp` moves forward, never back: of two tokens that cross, the one that lives longer stays.
        None too for a connection that the janitor is closing.
        """


class Subscriptions(Protocol):
    """Who wants what: groups of equal subscriptions, and their members."""

    def subscribe(
        self,
        connection_id: str,
        topic: str,
        canonical_filter: str,
        now: int,
        *,
        record: Connection | None = None,
    ) -> Connection:
        """Add or replace the connection's subscription to a topic, all or nothing; the record after it.

        `record` is the connection's as just read; where it is left out, it is read here. At most one read and
        three writes (a transaction counts as one): two where others have subscribed to the same before, none
        where the subscription is in force already; more only where the record changes meanwhile. Raises
        ConnectionUnknown where the connection is gone or goes meanwhile, SubscriptionFailed where it has its
        maximum.
        """

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove the subscription, if there is one. Raises ConnectionUnknown."""

    def forget(self, connections: Iterable[Connection]) -> None:
        """Remove every membership of connections whose records were removed (batched writes)."""

    def extend(self, connection: Connection) -> None:
        """Carry a refreshed `token_exp` into the connection's memberships."""

    def groups(self, topic: str, now: int) -> list[Group]:
        """The groups of exactly this topic that may have members (one query a page, no scan)."""

    def announced(self, topic: str, since: int) -> list[Group]:
        """The groups of exactly this topic that were listed, or spread, since then (one query a page).

        What is older than an hour may be missing; a group may come more than once.
        """

    def members(self, groups: Sequence[Group], now: int) -> Iterator[tuple[Group, list[str]]]:
        """The connections of the groups that may be posted to at `now`, by portions, group by group.

        One query a shard and page. A group without any may have no portion.
        """

    def spread(self, group: Group, shards: int, now: int) -> None:
        """Let new members of a group that has grown go to more shards; never fewer (one write)."""


class Upkeep(Protocol):
    """The connections by when they next need looking at; several runs may look at once."""

    def due(self, now: int) -> Iterator[list[Tended]]:
        """What is due, page by page, the longest overdue first; may lag a change by a moment."""

    def claim(self, record: Tended, until: int, *, ending: bool = False) -> bool:
        """Take a record on until a moment (one write); False where it changed or somebody else has it.

        `ending` keeps its token from being refreshed from now on.
        """

    def settle(self, claimed_until: int, record: Tended) -> None:
        """Store what a record that was due, or claimed until, `claimed_until` was sent and is due next."""

    def count(self) -> int:
        """How many connections have a record; may lag a connect by a moment."""


class Messages(Protocol):
    """Inboxes: what was said to whom, and what became of it."""

    def put(self, message: Message, request_id: str | None) -> Message:
        """Store a message (one write: a transaction with its unread count and repeat record).

        The same `sender_id` and `request_id` within 24 h stores nothing and returns what was stored the
        first time, under concurrency too.
        """

    def put_all(self, messages: Sequence[Message]) -> None:
        """Store notifications for many recipients, each as `put` does; a repeat of a `message_id` is one."""

    def acknowledge(self, user_id: str, message_id: str, status: Acknowledgement, now: int) -> Message:
        """Move the status forward, never back (one write); the message after it. Raises NotFound."""

    def inbox(
        self, user_id: str, after: str | None, limit: int, status: MessageStatus | None, now: int
    ) -> tuple[list[Message], str | None]:
        """Up to `limit` entries above `after` (a message id), oldest first, and where to go on, or None."""

    def unread(self, user_id: str) -> int:
        """How many entries are not read yet (one read, whatever the number)."""


class History(Protocol):
    """What was published: positions, a day of events, and what makes a repeated event harmless."""

    def admit(self, event_id: str, kept: str | None, now_ms: int) -> Admission:
        """Give an event its position and keep it, once for each event id, under concurrency too.

        `kept` is the event's text, or None for a notification, which gets no position. A repeat within 24 h
        gets the first one's position, time and, once there is one, answer. While another is at work on the
        same event this waits for its answer, and raises StoreUnavailable where that takes too long.
        """

    def queued(self, admission: Admission, chunks: int) -> None:
        """Say, before they are queued, that an event's pushing goes on in so many chunks."""

    def landed(self, position: int, chunk: int) -> None:
        """Say that a chunk needs no further attempt; a repeat is no error."""

    def finish(self, admission: Admission, answer: str, *, flying: bool) -> None:
        """Keep what was answered; `flying` where the pushing goes on from the queue."""

    def release(self, admission: Admission) -> None:
        """Let the next try of an event that could not be published begin at once."""

    def horizon(self, now_s: int) -> Horizon:
        """How far the history reaches (one consistent read)."""

    def past(self, position: int) -> Past | None:
        """The event at a position, if it is kept."""

    def since(self, first: int, last: int) -> Iterator[Past]:
        """The kept events from one position to another, both included, in order."""

    def trim(self, now_ms: int) -> int:
        """Remove what is older than a day and not among the last 10,000 events; how many events."""


class Doorstep(Protocol):
    """What an action needs to know before it begins, in one read."""

    def look(self, connection_id: str, now_s: int) -> tuple[Connection | None, Horizon]:
        """The connection's record as last written, or None, and the history's horizon."""

    def standing(self, connection_id: str) -> tuple[Connection | None, Health | None]:
        """The connection's record as last written, or None, and the last report on Redis.

        None for that where nobody has reported, or there is no Redis.
        """


class HealthRecord(Protocol):
    """How Redis was last found, for those who do not speak to it."""

    def report(self, health: Health) -> None:
        """Say how Redis was found (one write)."""

    def last(self) -> Health | None:
        """The last report (one read), or None."""


class Deliveries(Protocol):
    """The queue between the planes."""

    def send(self, jobs: Sequence[DeliveryJob], delay_seconds: int = 0) -> None:
        """Queue jobs in batches; raises StoreUnavailable unless every one was taken."""


class Refusals(Protocol):
    """Where inputs go that broke the contract and that nobody waits for an answer to."""

    def keep(self, raw: str, reason: str) -> None:
        """Keep what was refused, as it came, with the reason, for a person to look at."""


class Poster(Protocol):
    """Posts to connections."""

    def post(self, payload: str, connection_ids: Sequence[str], budget_seconds: float) -> PostReport:
        """Post one payload to each connection, with retries inside the time budget; one id never raises."""

    def probe(self, connection_ids: Sequence[str], budget_seconds: float) -> ProbeReport:
        """Ask for each connection whether it is there, within the time budget; one id never raises."""

    def close(self, connection_ids: Sequence[str]) -> None:
        """Close connections (DELETE); one that is gone already is no error."""


class Limiter(Protocol):
    """Token buckets: how often who may do what."""

    def take(self, bucket: str, limit: Limit, now: float) -> None:
        """Take a token (one write; two where the user is faster than the rate, over several processes).

        Never more than `limit.rate * t + limit.burst` in any t seconds, under concurrency too, as far as the
        callers' clocks agree. Raises RateLimited where there is none left.
        """


class Revocations(Protocol):
    """Which tokens may not be used any more, though they have not run out."""

    def revoke(self, revocation: Revocation) -> None:
        """Keep a revocation (one write); one that reaches less far than what is kept changes nothing."""

    def is_revoked(self, user_id: str, token_id: str | None, issued_at: int) -> bool:
        """Whether a token, told by its claims, is covered by a revocation (one consistent read)."""

    def recent(self, since: int) -> list[Revocation]:
        """What was revoked since a moment, it included, in order (one query a page; may lag by a moment)."""


class IssuerKeys(Protocol):
    """The public keys of whoever issues the tokens."""

    def public_keys(self, key_id: str | None, algorithm: str, now: float) -> Sequence[PublicKey]:
        """The keys that may have signed a token of this `kid` (any, where it has none) and algorithm.

        None at all for a `kid` that the issuer does not know. Raises StoreUnavailable where its keys were
        never to be had.
        """


class Secrets(Protocol):
    """The signing keys."""

    def signing_keys(self, now: float) -> Sequence[str]:
        """The secrets that may have signed a token, newest first, kept for a few minutes."""
