"""Alarms that a composite alarm names are removed by one apply; CloudWatch refuses the wrong order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from local_cloud.terraform import Terraform
from terraform.toolchain import suite
from tests.terraform.strict_cloudwatch import StrictCloudWatch, strict_cloudwatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALARMS = suite.TERRAFORM / "modules" / "alarms"
NAME = "deals-test"
WATCHED = {
    "name": NAME,
    "api": {"id": "a1b2c3d4e5", "stage_name": "v1"},
    "functions": {"janitor": {"name": f"{NAME}-janitor", "timeout_seconds": 60}},
    "topic": {"arn": "arn:aws:sns:eu-central-1:000000000000:pager"},
}
REMOVED = {
    "a disabled alarm": ("reply_latency", {"disabled": ["reply_latency"]}),
    "the janitor's": ("janitor_silent", {"disabled": ["janitor_silent"]}),
    "those of Redis": ("relay_lag", {"cache": None}),
}


class Applied(NamedTuple):
    """The alarms, applied."""

    cloudwatch: StrictCloudWatch
    terraform: Terraform

    def rule(self) -> str:
        """The rule of the composite alarm."""
        (composite,) = self.cloudwatch.composite.values()
        return str(composite["AlarmRule"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    write_root(root)
    return root


@pytest.fixture
def applied(root: Path, tmp_path: Path) -> Iterator[Applied]:
    with strict_cloudwatch() as (cloudwatch, environment):
        terraform = Terraform(root, tmp_path / "terraform.tfstate", environment)
        terraform.init()
        terraform.apply(print)
        yield Applied(cloudwatch, terraform)


def write_root(root: Path, **variables: Any) -> None:
    """Write a root module with the alarms of a janitor and of Redis, and with these variables."""
    arguments = {"source": str(ALARMS), **WATCHED, "cache": {"cluster_ids": []}, **variables}
    # Terraform's own syntax takes JSON for its values.
    lines = [f"  {name} = {json.dumps(value)}" for name, value in arguments.items()]
    (root / "main.tf").write_text("\n".join(['module "alarms" {', *lines, "}\n"]))


@pytest.mark.parametrize(("key", "variables"), REMOVED.values(), ids=REMOVED)
def test_alarm_that_the_composite_names_is_removed_by_one_apply(applied, root, key, variables):
    name = f"{NAME}-{key}"
    assert name in applied.cloudwatch.metric
    assert f'ALARM("{name}")' in applied.rule()

    write_root(root, **variables)
    applied.terraform.apply(print)

    assert name not in applied.cloudwatch.metric
    assert name not in applied.rule()
    assert f'ALARM("{NAME}-push_latency")' in applied.rule()
    assert applied.terraform.changes() == {}


def test_all_alarms_are_destroyed_at_once(applied):
    applied.terraform.destroy(print)
    assert not applied.cloudwatch.metric
    assert not applied.cloudwatch.composite
