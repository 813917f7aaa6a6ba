"""Reading the members of groups from the index in Redis, against reading them from DynamoDB."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_core.aws.client import client
from realtime_core.subscriptions.base import Group
from tests.bench.members import NOW, serve_members
from tests.bench.report import Ratio, Report, Skipped

if TYPE_CHECKING:
    from local_cloud.redis import RedisServer
    from realtime_core.redis.client import RedisClient

TITLE = "Reading 100,000 members from the index"
TARGET = 5.0
DYNAMODB_MS = 3
"""AWS promises single-digit milliseconds; without a delay the threads would only cost."""


def run(*, quick: bool) -> Report | Skipped:
    """Read the members from each store in turn."""
    from local_cloud.redis import RedisServer, find_program
    from local_cloud.settings import CloudFailed

    try:
        program = find_program()
    except CloudFailed as error:
        return Skipped(TITLE, str(error))
    members, rounds = (20_000, 2) if quick else (100_000, 7)
    spent: dict[str, list[tuple[float, float]]] = {}
    ratios: list[Ratio] = []
    for size, targets in ((100, (TARGET, TARGET)), (1_000, (None, None))):
        groups = [Group(f"{number:020}", "deals", "{}") for number in range(members // size)]
        layout = f"{len(groups):,} groups"
        with (
            tempfile.TemporaryDirectory() as folder,
            RedisServer.start(Path(folder), program=program) as redis,
            serve_members(size, _files(redis), milliseconds=DYNAMODB_MS) as url,
        ):
            readers = _readers(url, redis, groups, size)
            for name, read in readers.items():
                assert read() == members, name
            for _ in range(rounds):
                for name, read in readers.items():
                    wall, cpu = time.perf_counter(), time.process_time()
                    read()
                    taken = (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3
                    spent.setdefault(f"{layout}, {name}", []).append(taken)
        slow, fast = spent[f"{layout}, DynamoDB"], spent[f"{layout}, Redis"]

        for position, unit in enumerate(("elapsed", "CPU")):
            figures = tuple(
                slow_figures[position] / fast_figures[position]
                for slow_figures, fast_figures in zip(slow, fast, strict=True)
            )
            ratios.append(
                Ratio(f"{layout}: DynamoDB against Redis, {unit}", figures, target=targets[position])
            )
    return Report(
        title=TITLE,
        ratios=tuple(ratios),
        absolutes={
            f"{name}, {unit} (ms)": tuple(figure[position] for figure in figures)
            for name, figures in spent.items()
            for position, unit in enumerate(("elapsed", "CPU"))
        },
        notes=(
            f"{program.version}, {'TLS' if program.tls else 'no TLS'}. What is pending is read: nothing.",
            f"This DynamoDB answers after {DYNAMODB_MS} ms.",
        ),
    )


def _files(server: RedisServer) -> tuple[Path, Path] | None:
    """Return the certificate and key of Redis, because a process trusts one authority at a time."""
    return (server.authorities, server.folder / "key.pem") if server.authorities else None


def _readers(url: str, server: RedisServer, groups: list[Group], size: int) -> dict[str, Callable[[], int]]:
    from broadcast.indexed_subscriptions import IndexedSubscriptions
    from broadcast.redis_index import RedisIndex
    from realtime_core.redis.client import RedisClient
    from realtime_core.redis.credentials import RedisCredentials
    from realtime_core.redis.dynamodb_health import DynamoHealth
    from realtime_core.redis.settings import parse_redis_url
    from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
    from realtime_core.subscriptions.pending_changes import DynamoPendingChanges

    class CredentialsProvider:
        def credentials(self) -> RedisCredentials:
            return RedisCredentials(None, server.password)

    dynamodb = client("dynamodb", endpoint_url=url, region_name="eu-west-1")
    table = DynamoSubscriptions(dynamodb, "connections", "subscriptions")
    redis = RedisClient(parse_redis_url(server.url), CredentialsProvider())
    _fill(redis, groups, size)
    indexed = IndexedSubscriptions(
        table,
        RedisIndex(redis, lambda: NOW),
        DynamoPendingChanges(dynamodb, "subscriptions"),
        DynamoHealth(dynamodb, "history"),
        now=lambda: NOW,
    )

    def read_index() -> int:
        count = sum(len(ids) for _, ids in indexed.members(groups, NOW))
        assert indexed._breaker.reason is None, f"Redis was not used: {indexed._breaker.reason}"
        return count

    return {"DynamoDB": lambda: sum(len(ids) for _, ids in table.members(groups, NOW)), "Redis": read_index}


def _fill(redis: RedisClient, groups: list[Group], size: int) -> None:
    """Write an index as index_projector does."""
    from realtime_core.subscriptions.redis_keys import FORMAT, META, members_key, server_of

    server = server_of(*redis.execute([("INFO", "server"), ("INFO", "replication")]))
    meta = {"state": "ready", "epoch": "1", "server": server, "format": FORMAT, "tended_at": NOW}
    redis.execute([("HSET", META, *(part for pair in meta.items() for part in pair))])
    for group in groups:
        members = [part for number in range(size) for part in (NOW + 3600, f"L{number:014}=")]
        redis.execute([("ZADD", members_key(group.group_id, 0), *members)])
