"""Examples apply as they stand, and what they made serves: a deal reaches who is connected."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from local_cloud import LocalCloud
from local_cloud.client import Person
from local_cloud.stack import MANIFEST, ROOT, Stack
from local_cloud.terraform import Terraform
from terraform.tooling import published
from tests.e2e.conftest import APPLY_SECONDS_MAX

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(2 * APPLY_SECONDS_MAX)

EXAMPLES = ROOT / "terraform" / "examples"
SECRET = "a-signing-secret-of-the-examples-of-this-test"

# What AWS does not need: the local cloud has no TLS, which the queues ask for, no Logs Insights, and
# addresses of its own. Terraform merges an override into the example's own block.
OVERRIDE = """
module "deals_websocket" {{
{source}
  architecture          = "x86_64"
  saved_queries_enabled = false
  local_endpoints = {{
    websocket_url       = "ws://127.0.0.1:{port}/_aws/execute-api/{{api_id}}/{{stage}}"
    management_endpoint = "http://127.0.0.1:{port}/_aws/execute-api/{{api_id}}/{{stage}}"
    redis_url           = null
  }}
}}
"""


def apply_copy(name: str, cloud: LocalCloud, folder: Path) -> Stack:
    """Apply a copy of an example, overridden where this is not AWS, with the modules of the working tree."""
    root = folder / name
    shutil.copytree(EXAMPLES / name, root, ignore=shutil.ignore_patterns("tests", ".terraform*"))
    sources = published.find_sources(root)
    stack = os.path.relpath(ROOT / "terraform" / "stacks" / "deals-websocket", root)
    source = "" if sources else f"  source = {json.dumps(stack)}"
    (root / "override.tf").write_text(OVERRIDE.format(source=source, port=cloud.port))

    environment = {
        **cloud.env(),
        **published.publish(sources, folder / "published.git"),
        "TF_VAR_packages_manifest": str(MANIFEST),
        "TF_VAR_jwt_secret": SECRET,
    }
    terraform = Terraform(root, folder / "state" / "terraform.tfstate", environment)
    terraform.init()
    terraform.apply(print)
    return Stack(cloud.endpoint, terraform.outputs(), SECRET, terraform)


@pytest.mark.parametrize(("name", "environment"), [("minimal", "minimal"), ("by-git-tag", "tagged")])
async def test_example_applies_and_serves(tmp_path, name, environment):
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the examples are applied on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path / "cloud") as cloud:
        stack = apply_copy(name, cloud, tmp_path)
        headers = {"Authorization": f"Bearer {stack.token('someone')}"}
        person = await Person.connect(stack.outputs["websocket_url"], additional_headers=headers)
        await person.subscribe("travel.flights")

        event = {"messageType": "dealUpdate", "topic": "travel.flights", "data": {"title": "Lisbon"}}
        alias = f"deals-{environment}-broadcast:live"
        stack.client("lambda").invoke(FunctionName=alias, Payload=json.dumps(event).encode())
        assert (await person.hears("dealUpdate"))["data"]["title"] == "Lisbon"
        await person.leave()
