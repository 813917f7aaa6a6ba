"""Estimates the monthly cost of the service by component, from traffic, call budgets and dated prices.

    make cost                                    # 1 k, 10 k, 100 k and 1 M connections
    make cost ARGS="--connections 25000 --events 50000 --matched 0.001"
    make cost ARGS=--redis                       # with Redis in its own VPC
    make cost ARGS="--forward-to 1"              # each event is forwarded to one other Region

us-east-1, on demand, without free tiers and discounts. Each figure is that of the first release, then
today's: `cost_design` says what differs. DynamoDB's units follow from the sizes of the items
and from the calls that docs/architecture.md lists, which a test compares. Durations are estimates: see
`SECONDS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deals_ops import prices
from deals_ops.cost_design import NOW, Design, Units
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
    "getStatus": (2, 0),
    "subscribeToDeals": (1, 1),
    "sendMessage": (1, 1),
    "notificationAck": (2, 1),
}
"""Reads and writes by action, as in docs/architecture.md; the group of a subscription exists already."""

MEMBER_BYTES, COUNTED_BYTES, MESSAGE_ITEM_BYTES = 120, 150, 500
FRAME_BYTES = 150
"""Size of a reply."""
ACTION_LOG_BYTES, ACTION_THAT_PUSHES_LOG_BYTES, SERVICE_LOG_BYTES = 750, 1_320, 360
"""The lines of an action, as counted on the local cloud; those of another invocation on average."""
IDLE_MINUTES = 9
"""After which a client sends a heartbeat, as the client guide says. API Gateway closes after ten."""

MEMORY_MB = {"small": 512, "large": 1769}
SECONDS = {"start": 0.002, "call": 0.005, "event": 0.05, "member": 2e-6, "janitor": 2.0, "probe": 0.002,
           "maintain": 1.0, "forward": 0.1}  # fmt: skip
"""Estimates: an empty invocation, and each call that it waits for; an event, and each member that is read;
a run of the janitor, and each probe; a maintenance run of the index; a call to another Region. Together they
are a few per cent of the total."""

METRICS, ALARMS = 65, 96
"""Of the stack, whatever the traffic; the metrics are approximate. An alarm counts once for each metric that
it reads, the composite alarm five times."""
IDLE_POLLS_OF_A_QUEUE = 5 * MINUTES * 3
"""Five of Lambda's pollers read a queue, with long polls of 20 seconds."""

CACHE_NODES, ENDPOINTS = 2, 2 * 2
"""The stack's defaults with Redis: primary and replica; endpoints of Lambda and SQS in two zones each."""
PENDING_UNITS = 3
"""Write units of a pending change of the index: put in a transaction, which costs double, then deleted."""
REDIS_METRICS, REDIS_ALARMS = 19, 26
"""What Redis adds to METRICS and ALARMS: two functions and two nodes."""
PUBLISH_API_ALARMS = 3
"""What the publish API adds to ALARMS; its metrics are API Gateway's own, which cost nothing."""

FORWARDING_METRICS, FORWARDING_ALARMS = 4, 5
"""What forwarding adds to METRICS and ALARMS: a function and a queue, however many Regions."""
WRAPPING_BYTES = 200
"""Of an event on its way to another Region, besides its payload."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Traffic a day; all but `events` and what describes them is for each open connection."""

    connections: int = 10_000
    """Open on average, over the whole day."""
    connects: float = 12
    """Handshakes, each with one subscription. Twelve, since a connection lives two hours."""
    heartbeats: float = 160
    """One every nine minutes. Clients that send one only where no other frame came or went send fewer."""
    pings: float = 0
    """With an answer, where a client doubts its connection."""
    statuses: float = 0
    """`getStatus` calls, where nothing was pushed for long."""
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
    "API Gateway, messages": "frames and their answers, heartbeats first; then pushes",
    "Lambda": "frames, then pushes",
    "DynamoDB, requests": "handshakes and refreshes; then actions",
    "DynamoDB, storage": "messages, for as long as inboxes keep them",
    "SQS": "large audiences, hardly; else idle polling",
    "CloudWatch, logs": "frames: a line of the API for each, and one of the function",
    "Data transfer": "pushes and their size",
    "Metrics, alarms, dashboard, secret": "nothing",
}
REDIS = "Redis: nodes, endpoints, relay, index"
"""All that Redis adds, if it is enabled. The reads of members that it saves are not subtracted."""
FORWARDING = "Forwarding to other Regions"
"""All that forwarding adds here, if it is enabled. Each Region's own deployment is a cost of its own."""
GROWS_WITH_FORWARDING = "events and Regions"
PUBLISH_API = "Publish API"
GROWS_WITH_PUBLISH_API = "requests: up to a hundred events by one cost as much as one"
GROWS_WITH_REDIS = "handshakes: what the index does not know yet; nodes, where 0.5 GB is too little"


def estimate_monthly_cost(traffic: Traffic, design: Design = NOW) -> Cost:
    """Estimate the monthly cost without Redis."""
    connections = traffic.connections
    actions = _count_actions(traffic, design)
    silent = connections * DAYS * (0 if design.heartbeats_answered else count_heartbeats(traffic, design))
    frames = connections * sum(actions.values()) * DAYS
    handshakes = connections * traffic.connects * DAYS
    events = traffic.events * DAYS

    audience = traffic.matched * connections
    # A message and its receipt are two; each refresh has a warning, each connection a request to reconnect.
    small_posts = connections * (2 * traffic.messages + traffic.refreshes + traffic.connects) * DAYS
    chunks = events * math.ceil(audience / JOB_IDS_MAX) if audience > DIRECT_AUDIENCE_MAX else 0
    pushes = events * audience + small_posts
    probes = connections * PROBES * DAYS

    billed = prices.count_messages(2 * frames + silent, FRAME_BYTES)
    billed += prices.count_messages(pushes, traffic.payload_bytes)
    action_lines = connections * DAYS * sum(_log_bytes(action) * a_day for action, a_day in actions.items())
    log_bytes = action_lines + _estimate_other_log_bytes(
        design, frames=frames, silent=silent, handshakes=handshakes, published=events + chunks
    )

    dollars = {
        "API Gateway, connection minutes": connections * MINUTES * prices.API_GATEWAY_CONNECTION_MINUTE,
        "API Gateway, messages": prices.price_messages(billed),
        "Lambda": _estimate_functions(actions, traffic, chunks=chunks, probes=probes),
        "DynamoDB, requests": _estimate_requests(
            actions, traffic, design.units, chunks=chunks, probes=probes
        ),
        "DynamoDB, storage": connections * traffic.messages * DAYS * MESSAGE_ITEM_BYTES / GB
        * (prices.DYNAMODB_GB_MONTH + prices.DYNAMODB_RECOVERY_GB_MONTH),
        "SQS": 2 * IDLE_POLLS_OF_A_QUEUE * prices.SQS_REQUEST
        + prices.price_queue_messages(chunks, 20 * JOB_IDS_MAX + traffic.payload_bytes),
        "CloudWatch, logs": log_bytes / GB * prices.LOGS_GB,
        "Data transfer": (frames * FRAME_BYTES + pushes * traffic.payload_bytes) / GB * prices.TRANSFER_GB,
        "Metrics, alarms, dashboard, secret": METRICS * prices.METRIC_MONTH + ALARMS * prices.ALARM_MONTH
        + prices.DASHBOARD_MONTH + prices.SECRET_MONTH,
    }  # fmt: skip
    requests = (frames + silent + handshakes + pushes + probes) / DAYS / SECONDS_A_DAY
    return Cost(dollars, requests)


def estimate_with_options(
    traffic: Traffic, design: Design = NOW, *, redis: bool = False, regions: int = 0
) -> Cost:
    """Estimate the monthly cost with what a stack may have more, each as one more component.

    `redis` is Redis at the stack's defaults; `regions` are the other Regions that each event is forwarded to.
    """
    without = estimate_monthly_cost(traffic, design)
    dollars = dict(without.dollars)
    if redis:
        dollars[REDIS] = _estimate_redis(traffic)
    if regions:
        dollars[FORWARDING] = _estimate_forwarding(traffic, regions)
    return Cost(dollars, without.requests_per_second)


def with_publish_api(cost: Cost, traffic: Traffic) -> Cost:
    """Add what it costs to publish every event by a request of its own at the publish API."""
    requests = traffic.events * DAYS * math.ceil(traffic.payload_bytes / prices.HTTP_API_REQUEST_BYTES)
    dollars = requests * prices.HTTP_API_REQUEST + PUBLISH_API_ALARMS * prices.ALARM_MONTH
    per_second = cost.requests_per_second + traffic.events / SECONDS_A_DAY
    return Cost({**cost.dollars, PUBLISH_API: dollars}, per_second)


def count_heartbeats(traffic: Traffic, design: Design) -> float:
    """Count the heartbeats of a connection a day.

    Between the other frames of a connection, which come together in bursts (a warning, a refresh and its
    answer), as if they came at random moments.
    """
    bursts = traffic.connects + traffic.refreshes + 2 * traffic.messages + traffic.matched * traffic.events
    bursts += traffic.pings + traffic.statuses
    if not design.heartbeats_when_idle or not bursts:
        return traffic.heartbeats
    in_a_pause = bursts * IDLE_MINUTES / (24 * 60)
    return min(traffic.heartbeats, traffic.heartbeats * in_a_pause / math.expm1(in_a_pause))


def _count_actions(traffic: Traffic, design: Design) -> dict[str, float]:
    """Count the actions of a connection a day that run a function."""
    answered = count_heartbeats(traffic, design) if design.heartbeats_answered else 0
    return {
        "ping": traffic.pings + answered,
        "getStatus": traffic.statuses,
        "subscribeToDeals": traffic.connects,
        "sendMessage": traffic.messages,
        "notificationAck": traffic.messages,
        "refreshToken": traffic.refreshes,
    }


def _estimate_forwarding(traffic: Traffic, regions: int) -> float:
    forwards = traffic.events * DAYS * regions
    size = traffic.payload_bytes + WRAPPING_BYTES
    # At most: a batch of the queue takes several at once when there are many.
    seconds = forwards * (SECONDS["start"] + SECONDS["forward"])
    return (
        IDLE_POLLS_OF_A_QUEUE * prices.SQS_REQUEST
        + prices.price_queue_messages(forwards, size)
        + prices.price_lambda_time(forwards, seconds, MEMORY_MB["small"])
        + prices.price_forwarded_events(forwards, size)
        + FORWARDING_METRICS * prices.METRIC_MONTH
        + FORWARDING_ALARMS * prices.ALARM_MONTH
    )


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


def _estimate_requests(
    actions: dict[str, float], traffic: Traffic, units: Units, *, chunks: float, probes: float
) -> float:
    connections, events = traffic.connections, traffic.events * DAYS
    members = events * traffic.matched * connections
    counts = {name: connections * a_day * DAYS for name, a_day in actions.items() if name in units}
    counts |= {
        "connect": connections * traffic.connects * DAYS,
        "disconnect": connections * traffic.connects * DAYS,
        "event": events,
        "probe": probes,
        "notice": connections * (traffic.refreshes + traffic.connects) * DAYS,
    }

    limited = connections * DAYS * sum(a_day for name, a_day in actions.items() if name != "ping")
    reads = sum(count * units[name][0] for name, count in counts.items())
    # Members are read consistently; the count reads an index, which takes half a unit.
    reads += members * MEMBER_BYTES / (4 * KB) + connections * MINUTES * COUNTED_BYTES / (8 * KB)
    writes = sum(count * units[name][1] for name, count in counts.items()) + limited + 2 * chunks
    return reads * prices.DYNAMODB_READ_UNIT + writes * prices.DYNAMODB_WRITE_UNIT


def _log_bytes(action: str) -> int:
    pushes = action in {"sendMessage", "notificationAck"}
    return ACTION_THAT_PUSHES_LOG_BYTES if pushes else ACTION_LOG_BYTES


def _estimate_other_log_bytes(
    design: Design, *, frames: float, silent: float, handshakes: float, published: float
) -> float:
    # A connection has three invocations (two at its handshake) and two lines of the API.
    others = 3 * handshakes + published + MINUTES
    lambda_lines = design.lambda_log_bytes * (frames + others)
    service_lines = SERVICE_LOG_BYTES * (others + MINUTES)
    return lambda_lines + service_lines + design.access_log_bytes * (frames + silent + 2 * handshakes)
