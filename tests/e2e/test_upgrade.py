"""From the first release to these modules: the tables and the API stay, and so does everything in them."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile

import pytest

from local_cloud import LocalCloud
from local_cloud.stack import MANIFEST, ROOT, TERRAFORM_ROOT
from local_cloud.terraform import Terraform

FIRST_RELEASE = "4360d5e"
"""The commit of version 0.3.0."""

# What holds something, or has an address that others know: replacing one of these would lose it.
KEPT = (
    "aws_dynamodb_table",
    "aws_sqs_queue",
    "aws_apigatewayv2_api",
    "aws_apigatewayv2_stage",
    "aws_secretsmanager_secret",
    "aws_lambda_function",
    "aws_lambda_alias",
    "aws_cloudwatch_log_group",
    "aws_iam_role",
)


@pytest.fixture
def first_release(tmp_path):
    """The Terraform of the first release, in a folder of its own."""
    archived = subprocess.run(
        ["git", "archive", FIRST_RELEASE, "terraform"], cwd=ROOT, capture_output=True, check=False
    )
    if archived.returncode:
        pytest.skip("this clone does not reach back to the first release: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        archive.extractall(tmp_path / "first", filter="data")
    return tmp_path / "first" / TERRAFORM_ROOT.relative_to(ROOT)


@pytest.mark.timeout(900)
def test_upgrade_from_the_first_release_replaces_nothing_that_holds_data(first_release, tmp_path):
    with LocalCloud.start(state_dir=tmp_path / "cloud") as cloud:
        variables = {
            "TF_VAR_jwt_secret": "a-secret-of-at-least-thirty-two-bytes",
            "TF_VAR_packages_manifest": str(MANIFEST),
            "TF_VAR_port": str(cloud.port),
        }
        state = tmp_path / "state" / "terraform.tfstate"
        old = Terraform(first_release, state, {**cloud.env(), **variables})
        old.init()
        old.apply(lambda _line: None)
        before = _list_kept(state)

        new = Terraform(TERRAFORM_ROOT, state, {**cloud.env(), **variables})
        new.init()
        changes = new.changes()
        lost = {
            address: actions
            for address, actions in changes.items()
            if "delete" in actions and any(f".{kind}." in address for kind in KEPT)
        }
        assert lost == {}

        new.apply(lambda _line: None)
        after = _list_kept(state)
        assert {address: after.get(address) for address in before} == before


def _list_kept(state):
    """Return the ids of what holds data, by address."""
    kept = {}
    for resource in json.loads(state.read_text())["resources"]:
        if resource["mode"] == "managed" and resource["type"] in KEPT:
            address = f"{resource.get('module', '')}.{resource['type']}.{resource['name']}"
            for instance in resource["instances"]:
                kept[f"{address}[{instance.get('index_key', 0)}]"] = instance["attributes"]["id"]
    return kept
