"""A function leaves its VPC before the VPC goes: AWS refuses to delete what a function still uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local_cloud import LocalCloud
from local_cloud.terraform import Terraform
from tests.e2e.conftest import APPLY_SECONDS_MAX

pytestmark = pytest.mark.timeout(APPLY_SECONDS_MAX)

ROOT = Path(__file__).parent / "in_a_vpc"
FUNCTION = "module.function.aws_lambda_function.this"
LEFT_BEHIND = ("aws_security_group.functions[0]", 'aws_subnet.private["1"]', 'aws_subnet.private["2"]')


def test_function_leaves_the_vpc_before_its_subnets_and_security_group_go(tmp_path):
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the function is on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path / "cloud") as cloud:

        def terraform(used: str) -> Terraform:
            environment = {**cloud.env(), "TF_VAR_vpc_used": used}
            return Terraform(ROOT, tmp_path / "state" / "terraform.tfstate", environment)

        terraform("true").init()
        terraform("true").apply(print)

        done: list[str] = []
        terraform("false").apply(lambda line: done.append(line.partition(" ")[2]))

    assert FUNCTION in done
    for name in LEFT_BEHIND:
        assert done.index(FUNCTION) < done.index(f"module.network[0].{name}"), done
