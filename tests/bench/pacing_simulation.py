"""Simulates a push to a million recipients under the account's 10,000 requests a second.

The pacers are the real ones, with a simulated clock. The account's token bucket, its other requests and the
network (a response takes 10 ms) are modelled in steps of a millisecond. The variants pace to the budget that
other requests leave, pace to the whole budget, and do not pace but only retry.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

from deals_ops import prices
from realtime_core.aws import backoff
from realtime_core.push.management_api.pacer import Pacer
from realtime_core.push.management_api.pool import CONNECTIONS_MAX
from realtime_core.push.planning import JOB_IDS_MAX
from tests.bench.report import Ratio, Report

TITLE = "A million recipients, simulated"
STEP = 0.001
ANSWER_SECONDS = 0.010
ACCOUNT_RATE, ACCOUNT_BURST = 10_000.0, 5_000.0
OTHERS_PER_SECOND = 1_000
"""Other requests of the account, which share the bucket."""
INSTANCES = 4
UNPACED_PER_SECOND = 25_000.0
"""What one core posts without pacing."""
MEMORY_MB, PAYLOAD_BYTES = 1769, 1_000


@dataclass(slots=True)
class Instance:
    """A running delivery function: the ids of its job not yet posted, posts in flight, and due retries."""

    pacer: Pacer
    adapting: bool
    waiting: int = 0
    retries: list[tuple[float, int]] = field(default_factory=list)
    in_flight: deque[tuple[float, int, bool]] = field(default_factory=deque)
    delivered: int = 0
    busy_seconds: float = 0.0
    invocations: int = 0


@dataclass(slots=True)
class Outcome:
    """The result of a simulation."""

    seconds: float = 0.0
    posts: int = 0
    throttled: int = 0
    others: int = 0
    others_throttled: int = 0
    delivered: tuple[int, ...] = ()
    delivered_at: list[float] = field(default_factory=list)
    dollars: float = 0.0

    @property
    def fairness(self) -> float:
        """Jain's index of the instances' deliveries: 1 means equal shares."""
        return sum(self.delivered) ** 2 / (len(self.delivered) * sum(count**2 for count in self.delivered))

    def at_share(self, share: float) -> float:
        """Return the seconds until this share of the recipients was reached."""
        return self.delivered_at[min(len(self.delivered_at) - 1, int(share * len(self.delivered_at)))]


class Account:
    """The account's token bucket of requests."""

    def __init__(self) -> None:
        self.tokens = ACCOUNT_BURST

    def step(self) -> None:
        """Add the tokens of a millisecond."""
        self.tokens = min(ACCOUNT_BURST, self.tokens + ACCOUNT_RATE * STEP)

    def allows(self) -> bool:
        """Take a token for one request; return whether there was one."""
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def simulate(recipients: int, rate_of_each: float, *, adapting: bool = True) -> Outcome:
    """Deliver to `recipients` with INSTANCES that may each post `rate_of_each` a second."""
    random.seed(11)
    account, outcome = Account(), Outcome()
    instances = [Instance(Pacer(rate_of_each), adapting) for _ in range(INSTANCES)]
    turns = [*instances, None]  # None: the other requests
    jobs = deque([JOB_IDS_MAX] * (recipients // JOB_IDS_MAX))
    if recipients % JOB_IDS_MAX:
        jobs.append(recipients % JOB_IDS_MAX)
    job_count, now, others_due = len(jobs), 0.0, 0.0
    while len(outcome.delivered_at) < recipients:
        now += STEP
        account.step()
        others_due += OTHERS_PER_SECOND * STEP
        # A random order in each millisecond, so that no instance is always the first at the bucket.
        for instance in random.sample(turns, len(turns)):
            if instance is not None:
                _step(instance, jobs, account, outcome, now)
                continue
            while others_due >= 1:
                others_due -= 1
                outcome.others += 1
                outcome.others_throttled += not account.allows()

    outcome.seconds = now
    outcome.delivered = tuple(instance.delivered for instance in instances)
    busy = sum(instance.busy_seconds for instance in instances)
    invocations = sum(instance.invocations for instance in instances)
    outcome.dollars = (
        prices.price_messages(recipients, PAYLOAD_BYTES)
        + prices.price_lambda_time(invocations, busy, MEMORY_MB)
        + prices.price_queue_messages(job_count, 20 * JOB_IDS_MAX + PAYLOAD_BYTES)
    )
    return outcome


def _step(instance: Instance, jobs: deque[int], account: Account, outcome: Outcome, now: float) -> None:
    in_flight, retries = instance.in_flight, instance.retries
    while in_flight and in_flight[0][0] <= now:
        _, tries, throttled = in_flight.popleft()
        if instance.adapting:
            instance.pacer.record(now, throttled=throttled)
        if throttled:
            heapq.heappush(retries, (now + backoff.delay(tries, 0.05, 1.0), tries + 1))
        else:
            instance.delivered += 1
            outcome.delivered_at.append(now)

    if not (instance.waiting or retries or in_flight):
        if not jobs:
            return
        instance.waiting = jobs.popleft()
        instance.invocations += 1

    instance.busy_seconds += STEP
    while len(in_flight) < CONNECTIONS_MAX:
        due = bool(retries) and retries[0][0] <= now
        if not (due or instance.waiting) or not instance.pacer.take(now):
            return
        if due:
            tries = heapq.heappop(retries)[1]
        else:
            tries = 0
            instance.waiting -= 1
        throttled = not account.allows()
        outcome.posts += 1
        outcome.throttled += throttled
        in_flight.append((now + ANSWER_SECONDS, tries, throttled))


def run(*, quick: bool) -> Report:
    """Simulate the three variants, with a tenth of the recipients if `quick`."""
    recipients = 100_000 if quick else 1_000_000
    outcomes = {
        "paced to what the others leave": simulate(
            recipients, (ACCOUNT_RATE - OTHERS_PER_SECOND) / INSTANCES
        ),
        "paced to the whole budget": simulate(recipients, ACCOUNT_RATE / INSTANCES),
        "not paced": simulate(recipients, UNPACED_PER_SECOND, adapting=False),
    }
    absolutes: dict[str, tuple[float, ...]] = {}
    for name, outcome in outcomes.items():
        absolutes |= {
            f"{name}: seconds until half have it": (outcome.at_share(0.5),),
            f"{name}: seconds until all have it": (outcome.seconds,),
            f"{name}: posts": (outcome.posts,),
            f"{name}: posts throttled, %": (100 * outcome.throttled / outcome.posts,),
            f"{name}: others' requests throttled, %": (100 * outcome.others_throttled / outcome.others,),
            f"{name}: fairness among instances": (outcome.fairness,),
            f"{name}: dollars": (outcome.dollars,),
        }

    paced = outcomes["paced to what the others leave"]
    least = (recipients - ACCOUNT_BURST) / (ACCOUNT_RATE - OTHERS_PER_SECOND)
    ratios = (
        Ratio("least possible time / paced", (least / paced.seconds,), 0.9),
        Ratio("fairness among instances, paced", (paced.fairness,), 0.98),
        Ratio("posts not throttled, paced", (1 - paced.throttled / paced.posts,), 0.99),
    )
    notes = (
        f"{recipients:,} recipients, {INSTANCES} instances, {OTHERS_PER_SECOND:,} other requests a second",
        f"prices of {prices.AS_OF}; API Gateway's messages are nearly all of the cost",
    )
    return Report(TITLE, ratios, absolutes, notes)
