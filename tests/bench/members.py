"""Reading 100,000 members of one group and of a thousand groups from DynamoDB, against boto3."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from realtime_core.aws.client import client
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.dynamodb_members import DynamoMembers, member_pk
from tests.bench.functions import ENVIRONMENT
from tests.bench.report import Ratio, Report

TITLE = "CPU of reading 100,000 members from DynamoDB"
PAGES = Path(__file__).with_name("member_pages.py")
NOW = 1_795_382_480


def run(*, quick: bool) -> Report:
    """Read the members with each client in turn."""
    members, rounds = (20_000, 2) if quick else (100_000, 5)
    spent: dict[str, list[float]] = {}
    for layout, groups in (("one group", 1), (f"{members // 100:,} groups", members // 100)):
        with serve_members(members // groups) as url:
            readers = _readers(url, [Group(str(number), "deals", "{}") for number in range(groups)])
            for read in readers.values():  # opens connections and loads models
                assert read() == members
            for _ in range(rounds):
                for name, read in readers.items():
                    started = time.process_time()
                    read()
                    spent.setdefault(f"{layout}, {name}", []).append((time.process_time() - started) * 1e3)

    return Report(
        title=TITLE,
        ratios=tuple(
            Ratio(
                f"{name}: against ours",
                tuple(
                    slow / fast
                    for slow, fast in zip(figures, spent[f"{name.partition(', ')[0]}, ours"], strict=True)
                ),
            )
            for name, figures in spent.items()
            if not name.endswith(", ours")
        ),
        absolutes={f"{name} (ms)": tuple(figures) for name, figures in spent.items()},
        notes=("Pages of 1 MB over TLS. boto3 reads whole items; ours asks for ids alone, as in use.",),
    )


def _readers(url: str, groups: list[Group]) -> dict[str, Callable[[], int]]:
    # Slow to import, and not needed to list the benches.
    import boto3
    from boto3.dynamodb.conditions import Key

    options = {"endpoint_url": url, "region_name": "eu-west-1"}
    table = boto3.resource("dynamodb", **options).Table("subscriptions")
    low_level = boto3.client("dynamodb", **options)
    ours = DynamoMembers(client("dynamodb", **options), "subscriptions")

    def pages(query: Callable[..., Any], **parameters: Any) -> Iterator[Any]:
        while True:
            page = query(**parameters)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def by_resource() -> int:
        return sum(
            len([item["sk"] for item in pages(table.query, KeyConditionExpression=Key("pk").eq(_pk(group)))])
            for group in groups
        )

    def by_client() -> int:
        return sum(
            len(
                [
                    item["sk"]["S"]
                    for item in pages(
                        low_level.query,
                        TableName="subscriptions",
                        KeyConditionExpression="pk = :pk",
                        ExpressionAttributeValues={":pk": {"S": _pk(group)}},
                    )
                ]
            )
            for group in groups
        )

    return {
        "boto3 resource": by_resource,
        "boto3 client": by_client,
        "ours": lambda: sum(len(ids) for _, ids in ours.of_groups(groups, NOW)),
    }


def _pk(group: Group) -> str:
    return member_pk(group.group_id, 0)


@contextmanager
def serve_members(
    members: int, files: tuple[Path, Path] | None = None, *, milliseconds: int = 0
) -> Iterator[str]:
    """Run a fake DynamoDB with `members` in every shard, and the environment for it; yield its URL.

    `files` are a certificate and its key, to share those of another server; a response takes `milliseconds`.
    """
    from local_cloud.certificates import self_signed

    with tempfile.TemporaryDirectory() as folder:
        certificate, key = files or self_signed(Path(folder))
        command = [sys.executable, str(PAGES), str(certificate), str(key), str(members), str(milliseconds)]
        before = dict(os.environ)
        os.environ.update(ENVIRONMENT, AWS_CA_BUNDLE=str(certificate))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                yield f"https://127.0.0.1:{int(server.stdout.readline())}"
            finally:
                server.terminate()
                os.environ.clear()
                os.environ.update(before)
