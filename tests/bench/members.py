"""Reading who is in a group: 100,000 members, in one group and in a thousand, against boto3."""

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
    """Read the members by each way in turn."""
    members, rounds = (20_000, 2) if quick else (100_000, 5)
    spent: dict[str, list[float]] = {}
    for layout, groups in (("one group", 1), (f"{members // 100:,} groups", members // 100)):
        with served(members // groups) as url:
            ways = _ways(url, [Group(str(number), "deals", "{}") for number in range(groups)])
            for way in ways.values():  # connections, models
                assert way() == members
            for _ in range(rounds):
                for name, way in ways.items():
                    started = time.process_time()
                    way()
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


def _ways(url: str, groups: list[Group]) -> dict[str, Callable[[], int]]:
    # Slow to import, and not needed to find this bench.
    import boto3
    from boto3.dynamodb.conditions import Key

    given = {"endpoint_url": url, "region_name": "eu-west-1"}
    table = boto3.resource("dynamodb", **given).Table("subscriptions")
    low_level = boto3.client("dynamodb", **given)
    ours = DynamoMembers(client("dynamodb", **given), "subscriptions")

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
def served(members: int, files: tuple[Path, Path] | None = None, *, milliseconds: int = 0) -> Iterator[str]:
    """A DynamoDB whose every shard has so many members; its URL. The environment is one to reach it by.

    `files` are a certificate and its key, where it is to have the same as somebody else; `milliseconds` are
    what it takes for an answer.
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
