"""Every metric of our own: what it is called, counts, is broken down by, and says. None exists beside these.

A metric is one row here, and docs/telemetry.md and the alarms are tested against the rows. To add one, write
its row, call `metrics.add` with it, and add it to that page.

Outside limit: CloudWatch makes, and charges for, a metric of each combination of dimension values. So each
has the dimension `Service` and at most one more, of a few known values; an id is a field of a log line.
"""

from __future__ import annotations

NAMESPACE = "DealsWebSocket"
SERVICE = "Service"
"""The dimension that every metric has: which deployment, as `deals-production`."""

COUNT, MILLISECONDS, SECONDS, RATIO = "Count", "Milliseconds", "Seconds", "None"


class Metric:
    """One metric. Its `unit` is CloudWatch's; what has the unit Count is summed within an invocation.

    `by` is its dimension beside `Service`, if any; `whole` says whether it is published without that as well.
    """

    # No dataclass: making one costs a cold start more than all rows do.
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
        """Every set of dimensions that it is published with."""
        sets = ((SERVICE,),) if self.whole else ()
        return sets if self.by is None else (*sets, (SERVICE, self.by))


# Connections
CONNECTION_COUNT = Metric(
    "ConnectionCount",
    COUNT,
    "janitor",
    "Connections that have a record, counted each minute; missing where they could not be counted",
)
CONNECTION_DURATION = Metric(
    "ConnectionDuration",
    SECONDS,
    "connection_handler, janitor, and whoever finds it gone",
    "How long a connection had been open when its record was removed",
)

# What clients ask
MESSAGE_COUNT = Metric(
    "MessageCount",
    COUNT,
    "message_router",
    "Frames of clients; an action that is not known counts as `unknown`",
    by="Action",
)
ERROR_RATE = Metric(
    "ErrorRate",
    RATIO,
    "message_router",
    "0 for a frame that was answered, 1 for one answered with an error: the average is the error rate. "
    "By code there are only the ones: their sum by the samples of the whole is the code's share",
    by="Code",
)
MESSAGE_LATENCY = Metric(
    "MessageLatency",
    MILLISECONDS,
    "message_router, broadcast, delivery",
    "`reply`: from API Gateway's receipt of a frame to the router's answer. `push`: from the acceptance of "
    "an event or message to the last post of one portion of its recipients (at most 2,000), retries included",
    by="Kind",
    whole=False,
)
LIMITER_FAILURES = Metric(
    "LimiterFailures",
    COUNT,
    "message_router",
    "Actions that went through uncounted, because the store of limits did not answer",
)
RESUMES = Metric("Resumes", COUNT, "message_router", "Subscriptions that asked for what they had missed")
RESUME_GAPS = Metric(
    "ResumeGaps",
    COUNT,
    "message_router",
    "Resumes that were answered `recovered: false`: the history no longer reaches back that far",
)

# Tokens
TOKEN_FAILURES = Metric(
    "TokenFailures",
    COUNT,
    "authorizer, message_router",
    "Tokens that were refused, at the handshake or by refreshToken",
    by="Reason",
)
AUTHORIZER_FAULTS = Metric(
    "AuthorizerFaults",
    COUNT,
    "authorizer",
    "Handshakes that were answered 500 for a fault of ours. Lambda's own Errors count every 401 as well",
)

# Pushes
EVENTS_PUBLISHED = Metric("EventsPublished", COUNT, "broadcast", "Events that were published")
EVENTS_REFUSED = Metric("EventsRefused", COUNT, "broadcast", "Events that broke the contract")
DELIVERIES_DELIVERED = Metric(
    "DeliveriesDelivered", COUNT, "message_router, broadcast, delivery", "Pushes that a connection took"
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
    "Posts that API Gateway answered 429: the request budget is spent, or a client reads too slowly",
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
    "Pushes that were given up: refused for good (403, 413), or a dead letter after the last attempt",
)
QUEUE_AGE = Metric(
    "QueueAge",
    MILLISECONDS,
    "broadcast, delivery",
    "How long a queued message had waited when it was handled, a retry's delay included",
    by="Queue",
    whole=False,
)

# Schedule
UPKEEP_LAG = Metric(
    "UpkeepLag",
    SECONDS,
    "janitor",
    "How long the longest overdue record had been due; up to 60 is normal. Published by every run",
)
UPKEEP_FAILURES = Metric(
    "UpkeepFailures", COUNT, "janitor", "Pieces of work that a call's failure left to a later run"
)
TOKEN_WARNINGS = Metric("TokenWarnings", COUNT, "janitor", "`tokenExpiring` frames sent")
HAND_OVERS = Metric("HandOvers", COUNT, "janitor", "`reconnect` frames sent")
EXPIRED_CONNECTIONS_CLOSED = Metric(
    "ExpiredConnectionsClosed", COUNT, "janitor", "Connections closed because their token had run out"
)
REVOKED_CONNECTIONS_CLOSED = Metric(
    "RevokedConnectionsClosed", COUNT, "janitor", "Connections closed because their token was revoked"
)
LOST_CONNECTIONS_REMOVED = Metric(
    "LostConnectionsRemoved",
    COUNT,
    "janitor",
    "Records removed of connections that were gone without a `$disconnect`",
)

# The index in Redis
REDIS_FALLBACKS = Metric(
    "RedisFallbacks",
    COUNT,
    "broadcast",
    "Reads that were answered by DynamoDB, because Redis failed or its index could not be believed",
    by="Reason",
)
INDEX_LAG = Metric(
    "IndexLag",
    SECONDS,
    "index_projector",
    "How long the oldest change has waited for the index; above 30 the index is not used. Each minute",
)
INDEX_PENDING = Metric("IndexPending", COUNT, "index_projector", "Changes that wait for the index")
INDEX_REPAIRS = Metric(
    "IndexRepairs",
    COUNT,
    "index_projector",
    "Memberships and groups that differed from the table, and were set right; should be 0",
)
INDEX_REBUILDS = Metric("IndexRebuilds", COUNT, "index_projector", "Times that the index was built anew")
INDEX_FAILURES = Metric(
    "IndexFailures",
    COUNT,
    "index_projector",
    "Batches of the stream that failed, and minutes in which the index was of no use",
)
INDEX_RECORDS_SKIPPED = Metric(
    "IndexRecordsSkipped",
    COUNT,
    "index_projector",
    "Records of the stream that can never be applied; should be 0",
)

# The relay
RELAY_FORWARDED = Metric(
    "RelayForwarded",
    COUNT,
    "redis_relay",
    "Events that came by Redis and that `broadcast` took",
)
RELAY_REJECTED = Metric(
    "RelayRejected",
    COUNT,
    "redis_relay",
    "Events that came by Redis and broke the contract",
)
RELAY_DEAD_LETTERED = Metric(
    "RelayDeadLettered",
    COUNT,
    "redis_relay",
    "Events that came by Redis and were put aside in `deals:events:dead`, whatever the reason",
)
RELAY_LOST = Metric(
    "RelayLost",
    COUNT,
    "redis_relay",
    "Messages of channels that were not forwarded: `broadcast` did not take them, or there was no room",
)
RELAY_REDIS_FAILURES = Metric(
    "RelayRedisFailures",
    COUNT,
    "redis_relay",
    "Connections of the relay to Redis that failed",
)
RELAY_LAG = Metric(
    "RelayLag",
    SECONDS,
    "redis_relay",
    "Age of the oldest event in Redis that is not done with; 0 when idle. "
    "Published every 15 s by whichever invocation relays",
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
    """Every metric, in the order of this page."""
    return tuple(value for value in globals().values() if isinstance(value, Metric))
