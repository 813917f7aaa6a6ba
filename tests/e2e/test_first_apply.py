"""The documentation's snippets apply as they stand, in an account that was never used and in one that was."""

from __future__ import annotations

import json
import os
import re
import zipfile
from typing import TYPE_CHECKING

import boto3
import pytest

from local_cloud import LocalCloud
from local_cloud.stack import MANIFEST, REGION, ROOT
from local_cloud.terraform import Terraform
from tests.e2e.conftest import APPLY_SECONDS_MAX

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(2 * APPLY_SECONDS_MAX)

STACK = ROOT / "terraform" / "stacks" / "deals-websocket"
SECRET = "a-signing-secret-that-no-plan-may-hold"

# What AWS does not need: the local cloud has no TLS, which the queues ask for, and no Logs Insights.
LOCAL = """
  saved_queries_enabled = false
  local_endpoints = {
    websocket_url       = "ws://127.0.0.1/{api_id}/{stage}"
    management_endpoint = "http://127.0.0.1/{api_id}/{stage}"
    redis_url           = null
  }
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """An account of its own, in which nothing was ever set up."""
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the account must be unused: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def write_root(folder: Path, page: Path, extra: str = "") -> Path:
    """Write the page's first snippet that calls the stack, with the places of this machine, as a root."""
    (snippet,) = re.findall(
        r"^```hcl\n(module \"\w+\" \{\n  source .*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
    )[:1]
    folder.mkdir()
    # An absolute path would be a package of its own, which the stack's modules are outside of.
    places = {"source": os.path.relpath(STACK, folder), "packages_manifest": str(MANIFEST)}
    for name, value in places.items():
        line = f"{name} = {json.dumps(value)}"
        snippet, count = re.subn(rf"^  {name} *= \"[^\"]*\"", f"  {line}", snippet, flags=re.MULTILINE)
        assert count == 1, f"{page}: no {name}"
    (folder / "main.tf").write_text(snippet.replace("\n}\n", f"\n{LOCAL}{extra}}}\n", 1))
    return folder


def terraform_in(cloud: LocalCloud, root: Path) -> Terraform:
    environment = {**cloud.env(), "TF_VAR_jwt_secret": SECRET}
    terraform = Terraform(root, root.parent / f"{root.name}.state" / "terraform.tfstate", environment)
    terraform.init()
    return terraform


def account_of(cloud: LocalCloud):
    session = boto3.Session("test", "test", region_name=REGION)
    return session.client("apigateway", endpoint_url=cloud.endpoint)


def contents(plan: Path) -> bytes:
    with zipfile.ZipFile(plan) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_snippet_of_the_readme_applies_where_nothing_was_set_up_and_its_plan_holds_no_secret(cloud, tmp_path):
    assert not account_of(cloud).get_account().get("cloudwatchRoleArn")
    terraform = terraform_in(cloud, write_root(tmp_path / "first", ROOT / "README.md"))

    assert terraform.changes()
    saved = contents(terraform.folder / "plan.tfplan")
    assert b"deals-production" in saved, "the plan was not read"
    assert SECRET.encode() not in saved

    terraform.apply(print)
    assert not account_of(cloud).get_account().get("cloudwatchRoleArn")


def test_snippet_of_the_stack_applies_where_the_account_has_a_role_and_leaves_it_alone(cloud, tmp_path):
    role = "arn:aws:iam::000000000000:role/of-another-team"
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    account_of(cloud).update_account(patchOperations=[change])

    terraform_in(
        cloud, write_root(tmp_path / "second", STACK / "README.md", "  access_log_enabled = true\n")
    ).apply(print)

    assert account_of(cloud).get_account()["cloudwatchRoleArn"] == role
