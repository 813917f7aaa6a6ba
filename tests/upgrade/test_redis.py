"""From the first release with Redis, in a VPC that the stack made: the cache and its network stay."""

from __future__ import annotations

import re

import pytest

from local_cloud import LocalCloud
from local_cloud.stack import ROOT
from tests.upgrade.deployment import Deployment, set_logging_role

KEPT = (
    "aws_dynamodb_table",
    "aws_elasticache_replication_group",
    "aws_security_group",
    "aws_sqs_queue",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
)


def read_commands():
    """Return the commands of docs/upgrade.md that move resources in the state, as pairs of addresses."""
    page = (ROOT / "docs" / "upgrade.md").read_text()
    return re.findall(r"^terraform state mv '(.+)' '(.+)'$", page, re.MULTILINE)


@pytest.mark.timeout(900)
def test_upgrade_with_redis_keeps_cache_and_network_once_the_subnets_are_moved(first_release, tmp_path):
    with LocalCloud.start(state_dir=tmp_path / "cloud", redis_server=True) as cloud:
        set_logging_role(cloud)
        deployment = Deployment(tmp_path, cloud)
        deployment.call_first_release(first_release).apply(lambda _line: None)
        ids = deployment.read_ids(KEPT)

        present = deployment.call_present()
        commands = read_commands()
        assert len(commands) == 2
        for source, target in commands:
            for number, zone in (("1", "us-east-1a"), ("2", "us-east-1b")):
                present.move(source.replace("us-east-1a", zone), target.replace('"1"', f'"{number}"'))

        kinds = "|".join(KEPT)
        gone = [
            address
            for address, actions in present.changes().items()
            if "delete" in actions and re.search(rf"\.({kinds})\.", address)
        ]
        assert gone == []

        present.apply(lambda _line: None)
        after = set(deployment.read_ids(KEPT).values())
        assert {address: name for address, name in ids.items() if name not in after} == {}
        service = deployment.read_service(present)
        assert service.publish(topic="books", data={"title": "Atlas"})["position"]
