"""The catalog of our own metrics: each with its name, unit, dimensions and meaning. There are no others.

Tests compare docs/telemetry.md and the alarms with these rows. To add a metric, write its row here, call
`metrics.add` with it, and add it to the table of that page.

Outside limit: CloudWatch creates, and charges for, a metric for each combination of dimension values. So each
metric has the dimension `Service` and at most one more, with a few known values; ids are fields of log lines.
"""

from __future__ import annotations

NAMESPACE = "DealsWebSocket"
SERVICE = "Service"
"""The dimension of every metric: the deployment, such as `deals-production`."""

COUNT, MILLISECONDS, SECONDS, RATIO = "Count", "Milliseconds", "Seconds", "None"


class Metric:
    """A metric. `unit` is CloudWatch's; values with the unit Count are summed within an invocation.

    `by` is its dimension besides `Service`, if any; `whole` says whether it is published without that too.
    """

    # Not a dataclass: creating the class would cost a cold start more than all rows do.
    __slots__ = ("by", "emitters", "meaning", "name", "unit", "whole")

    def __init__(
        self,
        name: str,
        unit: str,
        emitters: str,
        meaning: str,
        *,
        by: str | None = None,
        whole: bool = True,
    ) -> None:
        self.name = name
        self.unit = unit
        self.emitters = emitters
        self.meaning = meaning
        self.by = by
        self.whole = whole

    @property
    def dimensions(self) -> tuple[tuple[str, ...], ...]:
        """Return every set of dimensions that it is published with."""
        sets = ((SERVICE,),) if self.whole else ()
        return sets if self.by is None else (*sets, (SERVICE, self.by))


# Connections
CONNECTION_COUNT = Metric(
    "ConnectionCount",
    COUNT,
    "janitor",
    "Connections that have a record, counted each minute; not published if counting failed",
)
CONNECTIONS_REFUSED = Metric(
    "ConnectionsRefused",
    COUNT,
    "connection_handler",
    "Handshakes that were answered 429, because their user has the maximum of connections",
)
CONNECTION_DURATION = Metric(
    "ConnectionDuration",
    SECONDS,
    "connection_handler, janitor, and functions that find it gone",
    "How long a connection was open, published when its record is removed",
)

# Actions
MESSAGE_COUNT = Metric(
    "MessageCount",
    COUNT,
    "message_router",
    "Frames that clients sent; an unknown action counts as `unknown`",
    by="Action",
)
ERROR_RATE = Metric(
    "ErrorRate",
    RATIO,
    "message_router",
    "0 for a frame that was answered, 1 for one that was answered with an error: the average is the error "
    "rate. By code only the ones are published: their sum, divided by the sample count without code, is the "
    "code's share",
    by="Code",
)
MESSAGE_LATENCY = Metric(
    "MessageLatency",
    MILLISECONDS,
    "message_router, broadcast, delivery",
    "`reply`: from when API Gateway receives a frame to the router's answer. `push`: from when an event or "
    "message is accepted to the last post of a chunk of its recipients (at most 2,000), including retries",
    by="Kind",
    whole=False,
)
LIMITER_FAILURES = Metric(
    "LimiterFailures",
    COUNT,
    "message_router",
    "Actions that were allowed without being counted, because the store of rate limits did not answer",
)
RESUMES = Metric(
    "Resumes",
    COUNT,
    "message_router",
    "Reads of missed events (`since`), by subscriptions and by `getEvents`",
)
RESUME_GAPS = Metric(
    "ResumeGaps",
    COUNT,
    "message_router",
    "Resumes that were answered `recovered: false`: the history does not reach back that far",
)
RECENT_READS = Metric(
    "RecentReads", COUNT, "message_router", "Looks back for the newest events (`recent`), of both actions"
)

FORBIDDEN = Metric(
    "Forbidden",
    COUNT,
    "message_router, broadcast",
    "Actions, and events of the publish API, that the token does not permit, by what they name: `topic` or "
    "`recipient`",
    by="Kind",
)

# Tokens
TOKEN_FAILURES = Metric(
    "TokenFailures",
    COUNT,
    "authorizer, message_router",
    "Tokens that were refused, at a handshake, in refreshToken or by the publish API",
    by="Reason",
)
AUTHORIZER_FAULTS = Metric(
    "AuthorizerFaults",
    COUNT,
    "authorizer",
    "Handshakes, and requests of the publish API, that were answered 500 for a fault of the service. "
    "Lambda's own Errors count every 401 too",
)

# Pushes
EVENTS_PUBLISHED = Metric("EventsPublished", COUNT, "broadcast", "Events that were published")
EVENTS_REFUSED = Metric("EventsRefused", COUNT, "broadcast", "Events that broke the contract")
BATCH_SIZE = Metric("BatchSize", RATIO, "broadcast", 'Events that came together, as `{"events": […]}`')
EVENTS_FORWARDED = Metric(
    "EventsForwarded", COUNT, "forwarder", "Events that other Regions accepted, once for each event bus"
)
FORWARDS_FAILED = Metric(
    "ForwardsFailed", COUNT, "forwarder", "Events that an event bus did not accept; each is tried again"
)
DELIVERIES_DELIVERED = Metric(
    "DeliveriesDelivered", COUNT, "message_router, broadcast, delivery", "Pushes that reached a connection"
)
DELIVERIES_GONE = Metric(
    "DeliveriesGone",
    COUNT,
    "message_router, broadcast, delivery",
    "Pushes to connections that no longer exist (410)",
)
DELIVERIES_THROTTLED = Metric(
    "DeliveriesThrottled",
    COUNT,
    "message_router, broadcast, delivery",
    "Posts that API Gateway answered 429: the request quota is used up, or a client reads too slowly",
)
DELIVERIES_RETRIED = Metric(
    "DeliveriesRetried",
    COUNT,
    "message_router, broadcast, delivery",
    "Pushes that went back to the queue for another attempt",
)
DELIVERIES_FAILED = Metric(
    "DeliveriesFailed",
    COUNT,
    "message_router, broadcast, delivery",
    "Pushes that failed for good: too large (413), or a dead letter after the last attempt",
)
QUEUE_AGE = Metric(
    "QueueAge",
    MILLISECONDS,
    "broadcast, delivery, forwarder",
    "How long a queued message waited until it was processed, including the delay of a retry",
    by="Queue",
    whole=False,
)

# Schedule
UPKEEP_LAG = Metric(
    "UpkeepLag",
    SECONDS,
    "janitor",
    "How long the most overdue record has been due; up to 60 is normal. Published by every run",
)
UPKEEP_FAILURES = Metric("UpkeepFailures", COUNT, "janitor", "Tasks that failed and are left to a later run")
TOKEN_WARNINGS = Metric("TokenWarnings", COUNT, "janitor", "`tokenExpiring` frames sent")
HAND_OVERS = Metric("HandOvers", COUNT, "janitor", "`reconnect` frames sent")
EXPIRED_CONNECTIONS_CLOSED = Metric(
    "ExpiredConnectionsClosed", COUNT, "janitor", "Connections closed because their token expired"
)
REVOKED_CONNECTIONS_CLOSED = Metric(
    "RevokedConnectionsClosed", COUNT, "janitor", "Connections closed because their token was revoked"
)
LOST_CONNECTIONS_REMOVED = Metric(
    "LostConnectionsRemoved",
    COUNT,
    "janitor",
    "Records removed because their connection was gone without a `$disconnect`",
)

# The index in Redis
REDIS_FALLBACKS = Metric(
    "RedisFallbacks",
    COUNT,
    "broadcast",
    "Reads that fell back to DynamoDB, because Redis failed or its index was not trustworthy",
    by="Reason",
)
INDEX_LAG = Metric(
    "IndexLag",
    SECONDS,
    "index_projector",
    "Age of the oldest change that is not in the index yet; above 30 the index is not used. Each minute",
)
INDEX_PENDING = Metric("IndexPending", COUNT, "index_projector", "Changes that are not in the index yet")
INDEX_REPAIRS = Metric(
    "IndexRepairs",
    COUNT,
    "index_projector",
    "Memberships and groups that differed from the table and were corrected; should be 0",
)
INDEX_REBUILDS = Metric("IndexRebuilds", COUNT, "index_projector", "Rebuilds of the index")
INDEX_FAILURES = Metric(
    "IndexFailures",
    COUNT,
    "index_projector",
    "Batches of the stream that failed, and minutes in which the index was unusable",
)
INDEX_RECORDS_SKIPPED = Metric(
    "IndexRecordsSkipped",
    COUNT,
    "index_projector",
    "Records of the stream that were skipped because they can never be applied; should be 0",
)

# Stored records
NEWER_RECORDS = Metric(
    "NewerRecords",
    COUNT,
    "every function that reads tables",
    "Reads of records that were left alone because a newer release wrote them: a release was rolled back. "
    "Should be 0",
)

# The relay
RELAY_FORWARDED = Metric(
    "RelayForwarded",
    COUNT,
    "redis_relay",
    "Events from Redis that `broadcast` accepted",
)
RELAY_REJECTED = Metric(
    "RelayRejected",
    COUNT,
    "redis_relay",
    "Events from Redis that broke the contract",
)
RELAY_DEAD_LETTERED = Metric(
    "RelayDeadLettered",
    COUNT,
    "redis_relay",
    "Events from Redis that were moved to `deals:events:dead`, for whatever reason",
)
RELAY_LOST = Metric(
    "RelayLost",
    COUNT,
    "redis_relay",
    "Channel messages that were not forwarded: `broadcast` did not accept them, or the buffer was full",
)
RELAY_REDIS_FAILURES = Metric(
    "RelayRedisFailures",
    COUNT,
    "redis_relay",
    "Connections from the relay to Redis that failed",
)
RELAY_LAG = Metric(
    "RelayLag",
    SECONDS,
    "redis_relay",
    "Age of the oldest event in Redis that is not processed yet; 0 when idle. "
    "Published every 15 s by the invocation that relays",
)

# Functions
COLD_STARTS = Metric(
    "ColdStarts",
    COUNT,
    "every function",
    "First invocations of a new instance",
    by="Function",
    whole=False,
)


def rows() -> tuple[Metric, ...]:
    """Return every metric, in the order of this module."""
    return tuple(value for value in globals().values() if isinstance(value, Metric))
