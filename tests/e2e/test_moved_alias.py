"""Where CodeDeploy moves an alias, an apply publishes the code and leaves the alias where it is."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import boto3
import pytest

from local_cloud import LocalCloud
from local_cloud.stack import REGION
from local_cloud.terraform import Terraform
from tests.e2e.conftest import APPLY_SECONDS_MAX

pytestmark = pytest.mark.timeout(APPLY_SECONDS_MAX)

ROOT = Path(__file__).parent / "moved_alias"
ALIAS = "module.function.aws_lambda_alias"


class Root:
    """The applied root, and the alias as Lambda has it."""

    def __init__(self, cloud, folder):
        self._cloud, self._folder = cloud, folder
        session = boto3.Session("test", "test", region_name=REGION)
        self.functions = session.client("lambda", endpoint_url=cloud.endpoint)

    def terraform(self, number, *, moved=True):
        """Return Terraform for the zip of this number."""
        file = self._folder / f"{number}.zip"
        with zipfile.ZipFile(file, "w") as archive:
            # With a fixed time, so that one number is one zip.
            entry = zipfile.ZipInfo("index.py")
            archive.writestr(entry, f"def handler(event, context):\n    return {number}\n")
        variables = {"TF_VAR_zip": str(file), "TF_VAR_moved": str(moved).lower()}
        state = self._folder / "state" / "terraform.tfstate"
        return Terraform(ROOT, state, {**self._cloud.env(), **variables})

    def apply(self, number, **options):
        """Apply the zip of this number; return the versions."""
        terraform = self.terraform(number, **options)
        terraform.apply(print)
        return terraform.outputs()["versions"]

    def alias(self):
        """Return the version and the weights of the alias."""
        found = self.functions.get_alias(FunctionName="deals-moved", Name="live")
        weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return found["FunctionVersion"], weights

    def shift(self, version, **weights):
        """Do what CodeDeploy does."""
        routing = {"AdditionalVersionWeights": weights}
        self.functions.update_alias(
            FunctionName="deals-moved", Name="live", FunctionVersion=version, RoutingConfig=routing
        )


def test_apply_publishes_and_leaves_the_alias_to_codedeploy(tmp_path):
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the function is on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path / "cloud") as cloud:
        root = Root(cloud, tmp_path)
        root.terraform(1, moved=False).init()
        assert root.apply(1, moved=False) == {"live": "1", "newest": "1"}

        # As the stack's README says, before the first plan: the alias stays, for callers and in Lambda.
        root.terraform(1).move(f"{ALIAS}.live[0]", f"{ALIAS}.deployed[0]")
        assert root.apply(2) == {"live": "1", "newest": "2"}
        assert root.alias() == ("1", {})

        root.shift("1", **{"2": 0.1})
        assert root.apply(2) == {"live": "1", "newest": "2"}
        assert root.alias() == ("1", {"2": 0.1})

        root.shift("2")
        assert root.apply(3) == {"live": "2", "newest": "3"}
        assert root.alias() == ("2", {})
