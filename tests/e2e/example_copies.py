"""Applies the examples of terraform/examples on a local cloud, as they stand."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from local_cloud.stack import MANIFEST, ROOT, Stack
from local_cloud.terraform import Terraform
from terraform.tooling import published

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local_cloud import LocalCloud

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
    redis_url           = {redis_url}
  }}
{more}
}}
"""


def apply_copy(
    name: str,
    cloud: LocalCloud,
    folder: Path,
    *,
    redis_url: str | None = None,
    more: str = "",
    variables: Mapping[str, str] | None = None,
) -> Stack:
    """Apply a copy of an example, overridden where this is not AWS, with the modules of the working tree.

    `more` is further HCL of the service's module, `variables` are those of the example.
    """
    root = folder / name
    shutil.copytree(EXAMPLES / name, root, ignore=shutil.ignore_patterns("tests", ".terraform*"))
    sources = published.find_sources(root)
    stack = os.path.relpath(ROOT / "terraform" / "stacks" / "deals-websocket", root)
    source = "" if sources else f"  source = {json.dumps(stack)}"
    override = OVERRIDE.format(source=source, port=cloud.port, redis_url=json.dumps(redis_url), more=more)
    (root / "override.tf").write_text(override)

    environment = {
        **cloud.env(),
        **published.publish(sources, folder / "published.git"),
        "TF_VAR_packages_manifest": str(MANIFEST),
        "TF_VAR_jwt_secret": SECRET,
        **{f"TF_VAR_{variable}": value for variable, value in (variables or {}).items()},
    }
    terraform = Terraform(root, folder / "state" / "terraform.tfstate", environment)
    terraform.init()
    terraform.apply(print)
    return Stack(cloud.endpoint, terraform.outputs(), SECRET, terraform)
