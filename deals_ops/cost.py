"""What the service costs a month, by component, from stated traffic, the call budgets and the dated prices.

    make cost                                    # 1 k, 10 k, 100 k and 1 M connections
    make cost ARGS="--connections 25000 --events 50000 --matched 0.001"
    make cost ARGS=--redis                       # with Redis in the small VPC of its own

us-east-1, on demand, no free tier, no discount. DynamoDB's units follow from the calls that
docs/architecture.md lists, to which a test holds them, and the sizes of the items. Durations are estimates:
see `SECONDS`.
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
"""Outside limit: requests a second of an account and Region, pushes and `@connections` among them."""
DIRECT_AUDIENCE_MAX = 100
POSTS_A_SECOND = 5_000
"""Of one `delivery`: half of the stack's default budget."""
PROBES = SECONDS_A_DAY / PROBE_SECONDS
"""Of a connection and day."""

CALLS = {
    "connect": (2, 1),
    "ping": (0, 0),
    "subscribeToDeals": (1, 1),
    "sendMessage": (1, 1),
    "notificationAck": (2, 1),
}
"""Reads and writes by action: those of docs/architecture.md, a group that is known already."""

UNITS = {
    # A batch of one or two revocations (consistent), the count by the index; the record and its two indexes.
    "connect": (1.5, 3),
    # The record and its indexes, and one membership.
    "disconnect": (0, 4),
    # Record and counter in one batch, consistent; a transaction of record and membership costs double.
    "subscribeToDeals": (2, 4),
    # The recipient by the index; a transaction of message, unread count and repeat record.
    "sendMessage": (0.5, 6),
    # The entry, and the sender by the index; a transaction of the entry and the unread count.
    "notificationAck": (1.5, 4),
    # Revocations; the record, an index, a move in the other (out and in), and one membership.
    "refreshToken": (1, 5),
    # The counter twice, a transaction of event and repeat, the answer; announcements of two topics.
    "event": (2, 7),
    # Settling what was found alive: the record, and a move in the index.
    "probe": (0.02, 3),
    # Claimed before and settled after, each with a move in the index.
    "warning": (0.02, 6),
}
"""Read and write units by what happens. An index takes a unit for what it projects; a limiter's is apart."""

MEMBER_BYTES, COUNTED_BYTES, MESSAGE_ITEM_BYTES = 120, 150, 500
FRAME_BYTES = 150
"""Of a reply."""
LAMBDA_LOG_BYTES, SERVICE_LOG_BYTES, ACCESS_LOG_BYTES = 300, 250, 700
"""Lambda's own three lines an invocation; a line of the service; a line of the API."""

MEMORY_MB = {"small": 512, "large": 1769}
SECONDS = {"start": 0.002, "call": 0.005, "event": 0.05, "member": 2e-6, "janitor": 2.0, "probe": 0.002,
           "tend": 1.0}  # fmt: skip
"""Estimates: an invocation that does nothing, each call that it waits for; an event, each member that is
read; a janitor's run, and each probe; a look at the index. Together they are a few per cent of the sum."""

METRICS, ALARMS = 65, 95
"""What the stack has, whatever the traffic: about so many metrics. An alarm counts for each metric that it
reads, the composite one for five."""
IDLE_POLLS = 2 * 5 * MINUTES * 3
"""Two queues, each asked by five pollers of Lambda's for 20 seconds at a time."""


CACHE_NODES, ENDPOINTS = 2, 2 * 2
"""The stack's defaults with Redis: primary and replica; Lambda and SQS, in two Availability Zones each."""
PENDING_UNITS = 3
"""Write units of what the index does not know yet: in a transaction, which doubles them, then deleted."""
REDIS_METRICS, REDIS_ALARMS = 19, 26
"""What Redis adds to them: the same, of two functions and two nodes more."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What happens. By day, and but for `events` for each connection that is open."""

    connections: int = 10_000
    """Open on average, day and night."""
    connects: float = 12
    """Handshakes; each subscribes once. Twelve: a connection lives two hours."""
    pings: float = 160
    """One in nine minutes, as the client guide asks for."""
    messages: float = 5
    """`sendMessage`, each pushed to one connection, read, acknowledged."""
    refreshes: float = 24
    """New tokens, each warned of before: tokens live an hour."""
    events: float = 1_000
    """Published in all."""
    matched: float = 0.02
    """The share of the connections that an event is for."""
    payload_bytes: int = 600
    """Of a push."""


@dataclass(frozen=True)
class Cost:
    """Dollars a month by component, in the order of `GROWS_WITH`, and requests a second on average."""

    dollars: dict[str, float]
    requests_per_second: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.dollars.values())


GROWS_WITH = {
    "API Gateway, connection minutes": "connections",
    "API Gateway, messages": "frames and their answers, pings first; then pushes",
    "Lambda": "frames, then pushes",
    "DynamoDB, requests": "connections: their probes; then handshakes and refreshes",
    "DynamoDB, storage": "messages, for as long as inboxes keep them",
    "SQS": "large audiences, hardly; else idle polling",
    "CloudWatch, logs": "frames: a line of the API and three of Lambda's each",
    "Data transfer": "pushes and their size",
    "Metrics, alarms, dashboard, secret": "nothing",
}
REDIS = "Redis: nodes, endpoints, relay, index"
"""What Redis adds in all, where it is on. What it saves in reads of members is not taken off."""
GROWS_WITH_REDIS = "handshakes: what the index does not know yet; nodes, where 0.5 GB is too little"


def monthly(traffic: Traffic) -> Cost:
    """The month's cost of a traffic."""
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
    # A message and its receipt; the warning before a refresh and the hand-over before two hours are one each.
    small_posts = connections * (2 * traffic.messages + traffic.refreshes + traffic.connects) * DAYS
    chunks = events * math.ceil(audience / JOB_IDS_MAX) if audience > DIRECT_AUDIENCE_MAX else 0
    pushes = events * audience + small_posts
    probes = connections * PROBES * DAYS
    dollars = {
        "API Gateway, connection minutes": connections * MINUTES * prices.API_GATEWAY_CONNECTION_MINUTE,
        "API Gateway, messages": prices.messages(2 * frames, FRAME_BYTES)
        + prices.messages(pushes, traffic.payload_bytes),
        "Lambda": _functions(actions, traffic, chunks=chunks, probes=probes),
        "DynamoDB, requests": _requests(actions, traffic, chunks=chunks, probes=probes),
        "DynamoDB, storage": connections * traffic.messages * DAYS * MESSAGE_ITEM_BYTES / GB
        * (prices.DYNAMODB_GB_MONTH + prices.DYNAMODB_RECOVERY_GB_MONTH),
        "SQS": IDLE_POLLS * prices.SQS_REQUEST
        + prices.queueing(chunks, 20 * JOB_IDS_MAX + traffic.payload_bytes),
        "CloudWatch, logs": _log_bytes(frames, handshakes, events + chunks) / GB * prices.LOGS_GB,
        "Data transfer": (frames * FRAME_BYTES + pushes * traffic.payload_bytes) / GB * prices.TRANSFER_GB,
        "Metrics, alarms, dashboard, secret": METRICS * prices.METRIC_MONTH + ALARMS * prices.ALARM_MONTH
        + prices.DASHBOARD_MONTH + prices.SECRET_MONTH,
    }  # fmt: skip
    requests = (frames + handshakes + pushes + probes) / DAYS / SECONDS_A_DAY
    return Cost(dollars, requests)


def with_redis(traffic: Traffic) -> Cost:
    """The same with Redis as the stack has it by default, in a row of its own."""
    without = monthly(traffic)
    return Cost({**without.dollars, REDIS: _redis(traffic)}, without.requests_per_second)


def _redis(traffic: Traffic) -> float:
    changes = traffic.connections * traffic.connects * DAYS
    hourly = CACHE_NODES * prices.CACHE_NODE_HOUR + ENDPOINTS * prices.VPC_ENDPOINT_HOUR
    # The stream brings changes in batches: one invocation each at most.
    projecting = changes * SECONDS["call"] + MINUTES * SECONDS["tend"]
    return (
        hourly * prices.HOURS_A_MONTH
        + prices.always_running(MEMORY_MB["small"], 60)
        + prices.lambda_time(changes + MINUTES, projecting, MEMORY_MB["large"])
        + changes * PENDING_UNITS * prices.DYNAMODB_WRITE_UNIT
        + REDIS_METRICS * prices.METRIC_MONTH
        + REDIS_ALARMS * prices.ALARM_MONTH
    )


def _functions(actions: dict[str, float], traffic: Traffic, *, chunks: float, probes: float) -> float:
    connections, events = traffic.connections, traffic.events * DAYS
    handled = {**actions, "connect": 2 * traffic.connects, "disconnect": traffic.connects}
    cost = 0.0
    for action, a_day in handled.items():
        calls = sum(CALLS.get(action, (1, 2)))  # those that are in no table: a read and two writes
        invocations = connections * a_day * DAYS
        seconds = SECONDS["start"] + SECONDS["call"] * (calls + (action not in {"ping", "connect"}))
        cost += prices.lambda_time(invocations, invocations * seconds, MEMORY_MB["small"])
    audience = traffic.matched * connections
    planning = events * (SECONDS["event"] + SECONDS["member"] * audience)
    posting = (events * audience if chunks else 0) / POSTS_A_SECOND
    tending = MINUTES * SECONDS["janitor"] + probes * SECONDS["probe"]
    invocations = events + chunks + MINUTES
    return cost + prices.lambda_time(invocations, planning + posting + tending, MEMORY_MB["large"])


def _requests(actions: dict[str, float], traffic: Traffic, *, chunks: float, probes: float) -> float:
    connections, events = traffic.connections, traffic.events * DAYS
    members = events * traffic.matched * connections
    happened = {name: connections * a_day * DAYS for name, a_day in actions.items() if name in UNITS}
    happened |= {
        "connect": connections * traffic.connects * DAYS,
        "disconnect": connections * traffic.connects * DAYS,
        "event": events,
        "probe": probes,
        "warning": connections * (traffic.refreshes + traffic.connects) * DAYS,
    }
    limited = connections * DAYS * sum(a_day for name, a_day in actions.items() if name != "ping")
    reads = sum(count * UNITS[name][0] for name, count in happened.items())
    # Members are read consistently; the count reads an index, for which half a unit is enough.
    reads += members * MEMBER_BYTES / (4 * KB) + connections * MINUTES * COUNTED_BYTES / (8 * KB)
    writes = sum(count * UNITS[name][1] for name, count in happened.items()) + limited + 2 * chunks
    return reads * prices.DYNAMODB_READ_UNIT + writes * prices.DYNAMODB_WRITE_UNIT


def _log_bytes(frames: float, handshakes: float, published: float) -> float:
    # A handshake is two invocations, its end one, and each of the two a line of the API.
    lambda_lines = LAMBDA_LOG_BYTES * (frames + 3 * handshakes + published + MINUTES)
    service_lines = SERVICE_LOG_BYTES * (2 * handshakes + published + 2 * MINUTES)
    return lambda_lines + service_lines + ACCESS_LOG_BYTES * (frames + 2 * handshakes)
