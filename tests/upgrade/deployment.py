"""A root of somebody who uses the stack: the same module call, first with an earlier release and then with this one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from local_cloud.packages import PACKAGE_BUCKET, upload_packages
from local_cloud.stack import MANIFEST, ROOT, Stack
from local_cloud.terraform import Terraform
from tests.e2e.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from local_cloud import LocalCloud
    from tests.upgrade.release import Release

NAME, ENVIRONMENT = "deals", "upgraded"
SECRET = "a-signing-secret-of-at-least-thirty-two-bytes"  # noqa: S105 - of a cloud that ends with the test

_ROOT = """\
provider "aws" {
  skip_metadata_api_check = true
}

variable "jwt_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "aws_sns_topic" "shop" {
  name = "shop"
}

module "deals" {
  source = SOURCE

  environment       = ENVIRONMENT
  packages_manifest = MANIFEST
  package_bucket    = BUCKET
  architecture      = "x86_64"
  jwt_secret        = var.jwt_secret

  local_endpoints = {
    websocket_url       = "ws://127.0.0.1:PORT/_aws/execute-api/{api_id}/{stage}"
    management_endpoint = "http://127.0.0.1:PORT/_aws/execute-api/{api_id}/{stage}"
    redis_url           = null
  }

  point_in_time_recovery_enabled = false
OPTIONS}

output "websocket_url" {
  value = module.deals.websocket_url
}

output "function_arns" {
  value = module.deals.function_arns
}

output "queue_urls" {
  value = module.deals.queue_urls
}

output "table_names" {
  value = module.deals.table_names
}
"""

# The same wishes in the words of either version: docs/upgrade.md has the table of them.
FIRST_OPTIONS = """\
  jwt       = { audience = "deals" }
  dashboard = { saved_queries_enabled = false }

  event_sources = {
    sns_topics      = { shop = { topic_arn = aws_sns_topic.shop.arn } }
    event_bus_rules = { shop = { event_pattern = jsonencode({ source = ["shop"] }) } }
  }
"""
PRESENT_OPTIONS = """\
  jwt_audience          = "deals"
  saved_queries_enabled = false
  access_log_enabled    = true

  sns_topics      = { shop = { topic_arn = aws_sns_topic.shop.arn } }
  event_bus_rules = { shop = { event_bus_name = "default", event_pattern = jsonencode({ source = ["shop"] }) } }
"""


class Deployment(NamedTuple):
    """The root in a folder, with its state beside it, on a local cloud."""

    folder: Path
    cloud: LocalCloud

    @property
    def state(self) -> Path:
        """Terraform's state."""
        return self.folder / "state" / "terraform.tfstate"

    def call_first_release(self, release: Release) -> Terraform:
        """Write the root that calls the first release."""
        return self._write(release.module("stacks/deals-websocket"), release.manifest, FIRST_OPTIONS)

    def call_present(self) -> Terraform:
        """Write the root that calls the modules of this checkout."""
        return self._write(ROOT / "terraform/stacks/deals-websocket", MANIFEST, PRESENT_OPTIONS)

    def _write(self, source: Path, manifest: Path, options: str) -> Terraform:
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        texts = {
            # An absolute path would be a package of its own, which the stack's modules are outside of.
            "SOURCE": json.dumps(os.path.relpath(source, root)),
            "ENVIRONMENT": json.dumps(ENVIRONMENT),
            "MANIFEST": json.dumps(str(manifest)),
            "BUCKET": json.dumps(PACKAGE_BUCKET),
            "PORT": str(self.cloud.port),
            "OPTIONS": options,
        }
        text = _ROOT
        for name, value in texts.items():
            text = text.replace(name, value)
        (root / "main.tf").write_text(text)

        terraform = Terraform(root, self.state, {**self.cloud.env(), "TF_VAR_jwt_secret": SECRET})
        upload_packages(self._read({}, terraform).client("s3"), manifest)
        terraform.init()
        return terraform

    def read_service(self, terraform: Terraform) -> Service:
        """Return what is deployed now."""
        return Service(self._read(terraform.outputs(), terraform))

    def read_ids(self, kinds: tuple[str, ...]) -> dict[str, str]:
        """Return the ids of the resources of some types in the state, by address."""
        return {
            f"{resource.get('module', '')}.{resource['type']}.{resource['name']}[{instance.get('index_key', 0)}]": (
                instance["attributes"]["id"]
            )
            for resource in json.loads(self.state.read_text())["resources"]
            if resource["mode"] == "managed" and resource["type"] in kinds
            for instance in resource["instances"]
        }

    def _read(self, outputs: dict[str, object], terraform: Terraform) -> Stack:
        return Stack(self.cloud.endpoint, outputs, SECRET, terraform)
