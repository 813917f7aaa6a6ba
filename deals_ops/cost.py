"""Estimates the monthly cost of the service by component, from traffic, call budgets and dated prices.

    make cost                                    # 1 k, 10 k, 100 k and 1 M connections
    make cost ARGS="--connections 25000 --events 50000 --matched 0.001"
    make cost ARGS=--redis                       # with Redis in its own VPC

us-east-1, on demand, without free tiers and discounts. DynamoDB's units follow from the sizes of the items
and from the calls that docs/architecture.md lists, which a test compares. Durations are estimates: see
`SECONDS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deals_ops import prices
from realtime_core.connections.schedule import PROBE_SECONDS
from realtime_core.push.planning import JOB_IDS_MAX

DAYS = 30
MINUTES = DAYS * 24 * 60
SECONDS_A_DAY = 86_400
KB, GB = 1024, 1024**3

REQUEST_BUDGET = 10_000
"""Outside limit: requests a second of an account and Region, including pushes and `@connections` calls."""
DIRECT_AUDIENCE_MAX = 100
POSTS_A_SECOND = 5_000
"""By one instance of `delivery`: half of the stack's default budget."""
PROBES = SECONDS_A_DAY / PROBE_SECONDS
"""Of one connection a day."""

CALLS = {
    "connect": (2, 1),
    "ping": (0, 0),
    "subscribeToDeals": (1, 1),
    "sendMessage": (1, 1),
    "notificationAck": (2, 1),
}
"""Reads and writes by action, as in docs/architecture.md; the group of a subscription exists already."""

UNITS = {
    # Reads one or two revocations (consistent) and the count by the index; writes the record, two indexes.
    "connect": (1.5, 3),
    # Reads the record (consistent); writes it, its indexes, and one membership.
    "disconnect": (1, 4),
    # Reads record and counter (consistent); the transaction of record and membership costs double.
    "subscribeToDeals": (2, 4),
    # Reads the recipient by the index; a transaction of message, unread count and repeat record.
    "sendMessage": (0.5, 6),
    # Reads the entry, and the sender by the index; a transaction of entry and unread count.
    "notificationAck": (1.5, 4),
    # Reads revocations; writes the record, one index, the other twice (delete, put), one membership.
    "refreshToken": (1, 5),
    # Writes the counter twice, a transaction of event and repeat, the result, and two topics' marks.
    "event": (2, 7),
    # Reads the index, and writes nothing for a live connection.
    "probe": (0.02, 0),
    # Writes the record once, and its index twice (delete, put).
    "warning": (0.02, 3),
}
"""Read and write units by operation. A write to an index takes a unit; the limiter's are added elsewhere."""

MEMBER_BYTES, COUNTED_BYTES, MESSAGE_ITEM_BYTES = 120, 150, 500
FRAME_BYTES = 150
"""Size of a reply."""
LAMBDA_LOG_BYTES, SERVICE_LOG_BYTES, ACCESS_LOG_BYTES = 300, 250, 700
"""Lambda's own three lines for an invocation; one line of the service; one line of the API."""

MEMORY_MB = {"small": 512, "large": 1769}
SECONDS = {"start": 0.002, "call": 0.005, "event": 0.05, "member": 2e-6, "janitor": 2.0, "probe": 0.002,
           "maintain": 1.0}  # fmt: skip
"""Estimates: an empty invocation, and each call that it waits for; an event, and each member that is read;
a run of the janitor, and each probe; a maintenance run of the index. Together they are a few per cent of the
total."""

METRICS, ALARMS = 65, 96
"""Of the stack, whatever the traffic; the metrics are approximate. An alarm counts once for each metric that
it reads, the composite alarm five times."""
IDLE_POLLS = 2 * 5 * MINUTES * 3
"""Two queues, each read by five of Lambda's pollers with long polls of 20 seconds."""

CACHE_NODES, ENDPOINTS = 2, 2 * 2
"""The stack's defaults with Redis: primary and replica; endpoints of Lambda and SQS in two zones each."""
PENDING_UNITS = 3
"""Write units of a pending change of the index: put in a transaction, which costs double, then deleted."""
REDIS_METRICS, REDIS_ALARMS = 19, 26
"""What Redis adds to METRICS and ALARMS: two functions and two nodes."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Traffic a day; all but `events` and what describes them is for each open connection."""

    connections: int = 10_000
    """Open on average, over the whole day."""
    connects: float = 12
    """Handshakes, each with one subscription. Twelve, since a connection lives two hours."""
    pings: float = 160
    """One every nine minutes, as the client guide recommends."""
    messages: float = 5
    """`sendMessage` calls, each pushed to one connection and acknowledged."""
    refreshes: float = 24
    """Token refreshes, each after a warning: tokens are valid for an hour."""
    events: float = 1_000
    """Published in total."""
    matched: float = 0.02
    """Share of the connections that receive an event."""
    payload_bytes: int = 600
    """Size of a push."""


@dataclass(frozen=True)
class Cost:
    """Dollars a month by component, in the order of `GROWS_WITH`, and average requests a second."""

    dollars: dict[str, float]
    requests_per_second: float

    @property
    def total(self) -> float:
        """Dollars a month in total."""
        return sum(self.dollars.values())


GROWS_WITH = {
    "API Gateway, connection minutes": "connections",
    "API Gateway, messages": "frames and their answers, pings first; then pushes",
    "Lambda": "frames, then pushes",
    "DynamoDB, requests": "handshakes and refreshes; then actions",
    "DynamoDB, storage": "messages, for as long as inboxes keep them",
    "SQS": "large audiences, hardly; else idle polling",
    "CloudWatch, logs": "frames: a line of the API and three of Lambda's each",
    "Data transfer": "pushes and their size",
    "Metrics, alarms, dashboard, secret": "nothing",
}
REDIS = "Redis: nodes, endpoints, relay, index"
"""All that Redis adds, if it is enabled. The reads of members that it saves are not subtracted."""
GROWS_WITH_REDIS = "handshakes: what the index does not know yet; nodes, where 0.5 GB is too little"


def estimate_monthly_cost(traffic: Traffic) -> Cost:
    """Estimate the monthly cost without Redis."""
    connections = traffic.connections
    actions = {
        "ping": traffic.pings,
        "subscribeToDeals": traffic.connects,
        "sendMessage": traffic.messages,
        "notificationAck": traffic.messages,
        "refreshToken": traffic.refreshes,
    }
    frames = connections * sum(actions.values()) * DAYS
    handshakes = connections * traffic.connects * DAYS
    events = traffic.events * DAYS

    audience = traffic.matched * connections
    # A message and its receipt are two; each refresh has a warning, each connection a request to reconnect.
    small_posts = connections * (2 * traffic.messages + traffic.refreshes + traffic.connects) * DAYS
    chunks = events * math.ceil(audience / JOB_IDS_MAX) if audience > DIRECT_AUDIENCE_MAX else 0
    pushes = events * audience + small_posts
    probes = connections * PROBES * DAYS

    dollars = {
        "API Gateway, connection minutes": connections * MINUTES * prices.API_GATEWAY_CONNECTION_MINUTE,
        "API Gateway, messages": prices.price_messages(2 * frames, FRAME_BYTES)
        + prices.price_messages(pushes, traffic.payload_bytes),
        "Lambda": _estimate_functions(actions, traffic, chunks=chunks, probes=probes),
        "DynamoDB, requests": _estimate_requests(actions, traffic, chunks=chunks, probes=probes),
        "DynamoDB, storage": connections * traffic.messages * DAYS * MESSAGE_ITEM_BYTES / GB
        * (prices.DYNAMODB_GB_MONTH + prices.DYNAMODB_RECOVERY_GB_MONTH),
        "SQS": IDLE_POLLS * prices.SQS_REQUEST
        + prices.price_queue_messages(chunks, 20 * JOB_IDS_MAX + traffic.payload_bytes),
        "CloudWatch, logs": _estimate_log_bytes(frames, handshakes, events + chunks) / GB * prices.LOGS_GB,
        "Data transfer": (frames * FRAME_BYTES + pushes * traffic.payload_bytes) / GB * prices.TRANSFER_GB,
        "Metrics, alarms, dashboard, secret": METRICS * prices.METRIC_MONTH + ALARMS * prices.ALARM_MONTH
        + prices.DASHBOARD_MONTH + prices.SECRET_MONTH,
    }  # fmt: skip
    requests = (frames + handshakes + pushes + probes) / DAYS / SECONDS_A_DAY
    return Cost(dollars, requests)


def estimate_with_redis(traffic: Traffic) -> Cost:
    """Estimate the monthly cost with Redis at the stack's defaults, as one more component."""
    without = estimate_monthly_cost(traffic)
    return Cost({**without.dollars, REDIS: _estimate_redis(traffic)}, without.requests_per_second)


def _estimate_redis(traffic: Traffic) -> float:
    changes = traffic.connections * traffic.connects * DAYS
    hourly = CACHE_NODES * prices.CACHE_NODE_HOUR + ENDPOINTS * prices.VPC_ENDPOINT_HOUR
    # The stream delivers changes in batches, so there is at most one invocation for each.
    projecting = changes * SECONDS["call"] + MINUTES * SECONDS["maintain"]
    return (
        hourly * prices.HOURS_A_MONTH
        + prices.price_always_running(MEMORY_MB["small"], 60)
        + prices.price_lambda_time(changes + MINUTES, projecting, MEMORY_MB["large"])
        + changes * PENDING_UNITS * prices.DYNAMODB_WRITE_UNIT
        + REDIS_METRICS * prices.METRIC_MONTH
        + REDIS_ALARMS * prices.ALARM_MONTH
    )


def _estimate_functions(
    actions: dict[str, float], traffic: Traffic, *, chunks: float, probes: float
) -> float:
    connections, events = traffic.connections, traffic.events * DAYS
    handled = {**actions, "connect": 2 * traffic.connects, "disconnect": traffic.connects}
    cost = 0.0

    for action, a_day in handled.items():
        calls = sum(CALLS.get(action, (1, 2)))  # actions without an entry: a read and two writes
        invocations = connections * a_day * DAYS
        seconds = SECONDS["start"] + SECONDS["call"] * (calls + (action not in {"ping", "connect"}))
        cost += prices.price_lambda_time(invocations, invocations * seconds, MEMORY_MB["small"])

    audience = traffic.matched * connections
    planning = events * (SECONDS["event"] + SECONDS["member"] * audience)
    posting = (events * audience if chunks else 0) / POSTS_A_SECOND
    maintaining = MINUTES * SECONDS["janitor"] + probes * SECONDS["probe"]
    invocations = events + chunks + MINUTES
    return cost + prices.price_lambda_time(invocations, planning + posting + maintaining, MEMORY_MB["large"])


def _estimate_requests(actions: dict[str, float], traffic: Traffic, *, chunks: float, probes: float) -> float:
    connections, events = traffic.connections, traffic.events * DAYS
    members = events * traffic.matched * connections
    counts = {name: connections * a_day * DAYS for name, a_day in actions.items() if name in UNITS}
    counts |= {
        "connect": connections * traffic.connects * DAYS,
        "disconnect": connections * traffic.connects * DAYS,
        "event": events,
        "probe": probes,
        "warning": connections * (traffic.refreshes + traffic.connects) * DAYS,
    }

    limited = connections * DAYS * sum(a_day for name, a_day in actions.items() if name != "ping")
    reads = sum(count * UNITS[name][0] for name, count in counts.items())
    # Members are read consistently; the count reads an index, which takes half a unit.
    reads += members * MEMBER_BYTES / (4 * KB) + connections * MINUTES * COUNTED_BYTES / (8 * KB)
    writes = sum(count * UNITS[name][1] for name, count in counts.items()) + limited + 2 * chunks
    return reads * prices.DYNAMODB_READ_UNIT + writes * prices.DYNAMODB_WRITE_UNIT


def _estimate_log_bytes(frames: float, handshakes: float, published: float) -> float:
    # A connection has three invocations (two at its handshake) and two lines of the API.
    lambda_lines = LAMBDA_LOG_BYTES * (frames + 3 * handshakes + published + MINUTES)
    service_lines = SERVICE_LOG_BYTES * (2 * handshakes + published + 2 * MINUTES)
    return lambda_lines + service_lines + ACCESS_LOG_BYTES * (frames + 2 * handshakes)
