"""One event from the publisher's call to the last post: this service against the guide's scan and loop.

100,000 subscribers with 1,000 filters, of which 8,000 match, in a fake DynamoDB. This service runs as the
handlers of `broadcast` and `delivery` in one process, as warm as the guide's clients, one batch of the queue
after the other. The sink is nginx, which answers after 10 ms.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from tests.bench.baseline import guide
from tests.bench.functions import ENVIRONMENT
from tests.bench.matching import EVENT
from tests.bench.report import Ratio, Report, Skipped
from tests.bench.sink import SERVICE_MS, Sink, missing, on_first_core, sink

TITLE = "One event for 8,000 of 100,000 subscribers, planned, queued, posted"
TABLES = Path(__file__).with_name("event_tables.py")
TOPIC = "deals"
QUEUE_BATCH = 10
REPEATS = 5
"""Measurements of this service before and after each of the guide, which takes far longer."""
POSTS_PER_SECOND = "100000"
"""High enough that the pacer, whose limit is the account's, never waits."""


class Context:
    """The part of Lambda's context that the handlers read."""

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def run(*, quick: bool) -> Report | Skipped:
    """Publish with both in turn; the guide takes two minutes at full size."""
    if lacking := missing():
        return Skipped(TITLE, lacking)
    subscribers, distinct, rounds = (10_000, 100, 1) if quick else (100_000, 1_000, 2)
    with tempfile.TemporaryDirectory() as folder, sink(Path(folder)) as to:
        if to.slow is None:
            return Skipped(TITLE, "nginx has no echo module: apt-get install libnginx-mod-http-echo")
        # The handlers' logs and metrics go to standard output.
        with (
            _serve_tables(to, subscribers, distinct) as url,
            on_first_core(),
            redirect_stdout(io.StringIO()),
        ):
            return _measure(url, to.slow, rounds, subscribers)


def _measure(url: str, gateway: str, rounds: int, subscribers: int) -> Report:
    # Slow to import, and not needed to list the benches.
    import boto3

    table = boto3.resource("dynamodb", endpoint_url=url).Table("connections")
    management = boto3.client("apigatewaymanagementapi", endpoint_url=gateway)
    broadcast, delivery = (importlib.import_module(f"{name}.handler") for name in ("broadcast", "delivery"))
    _publish(broadcast, delivery, url, "warm")

    ours: list[float] = []
    planned: list[float] = []
    guides: list[float] = []
    reached = 0
    for turn in range(rounds):
        # The median of several measurements before and after the guide's stands for a round.
        measurements = [
            _publish(broadcast, delivery, url, f"{turn}-before-{number}") for number in range(REPEATS)
        ]
        started = time.perf_counter()
        reached = guide.broadcast(table, management, TOPIC, EVENT)
        guides.append(time.perf_counter() - started)
        measurements += [
            _publish(broadcast, delivery, url, f"{turn}-after-{number}") for number in range(REPEATS)
        ]
        assert {count for _, _, count in measurements} == {reached}, (
            "the variants reach different subscribers"
        )
        ours.append(statistics.median(seconds for seconds, _, _ in measurements))
        planned.append(statistics.median(queued for _, queued, _ in measurements))

    return Report(
        title=TITLE,
        ratios=(
            Ratio(
                "the guide's way against ours",
                tuple(old / new for old, new in zip(guides, ours, strict=True)),
                target=300 if subscribers == 100_000 else None,
            ),
        ),
        absolutes={
            "the guide's (s)": tuple(guides),
            "ours (s)": tuple(ours),
            "ours, of that until it is queued (s)": tuple(planned),
        },
        notes=(
            f"{reached:,} of {subscribers:,} subscribers match; posts are answered after {SERVICE_MS} ms.",
            "Not paced: at the account's 10,000 posts a second the posting alone would take longer.",
        ),
    )


def _publish(broadcast: Any, delivery: Any, url: str, name: str) -> tuple[float, float, int]:
    """Return the seconds until the last post and until all is queued, and the subscribers reached."""
    event = {"messageType": "deal", "topic": TOPIC, "filters": EVENT, "data": EVENT, "eventId": name}
    started = time.perf_counter()
    response = json.loads(broadcast.handler(event, Context(name))["body"])
    queued = time.perf_counter() - started
    with urllib.request.urlopen(
        f"{url}/queued", context=ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    ) as page:
        bodies = json.load(page)

    seconds = queued
    for start in range(0, len(bodies), QUEUE_BATCH):
        records = [
            {"messageId": str(number), "body": body}
            for number, body in enumerate(bodies[start : start + QUEUE_BATCH])
        ]
        started = time.perf_counter()
        failed = delivery.handler({"Records": records}, Context(name))["batchItemFailures"]
        seconds += time.perf_counter() - started
        assert not failed, failed
    return seconds, queued, response["total"]


@contextmanager
def _serve_tables(to: Sink, subscribers: int, distinct: int) -> Iterator[str]:
    """Run the fake DynamoDB and SQS on another core, with the environment of the functions; yield its URL."""
    certificate, key = to.certificate, to.folder / "key.pem"
    command = [sys.executable, str(TABLES), str(certificate), str(key), str(subscribers), str(distinct)]
    before = dict(os.environ)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(server.pid, cores[-1:])
            assert server.stdout is not None
            url = f"https://localhost:{int(server.stdout.readline())}"
            os.environ.update(
                ENVIRONMENT,
                AWS_CA_BUNDLE=str(certificate),
                AWS_ENDPOINT_URL=url,
                MANAGEMENT_ENDPOINT=to.slow or "",
                POSTS_PER_SECOND=POSTS_PER_SECOND,
                DIRECT_AUDIENCE_MAX="100",
            )
            yield url
        finally:
            server.terminate()
            os.environ.clear()
            os.environ.update(before)
