"""A root that calls the stack, as its users write it: with the first release, then with the present one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

import boto3

from local_cloud.packages import PACKAGE_BUCKET, upload_packages
from local_cloud.stack import MANIFEST, REGION, ROOT, Stack
from local_cloud.terraform import Terraform
from tests.e2e.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from local_cloud import LocalCloud
    from tests.upgrade.release import Release

ENVIRONMENT = "upgraded"
SECRET = "a-signing-secret-of-at-least-thirty-two-bytes"

_ROOT = """\
provider "aws" {
  skip_metadata_api_check = true
}

variable "jwt_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "redis_auth_token" {
  type      = string
  default   = null
  sensitive = true
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
    redis_url           = REDIS_URL
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

  sns_topics = { shop = { topic_arn = aws_sns_topic.shop.arn } }

  event_bus_rules = {
    shop = { event_bus_name = "default", event_pattern = jsonencode({ source = ["shop"] }) }
  }
"""


# With Redis, which a server without TLS stands for, in a VPC that the stack makes.
_FIRST_REDIS = """\

  redis_enabled    = true
  redis_auth_token = var.redis_auth_token

  redis = {
    port                    = REDIS_PORT
    replicas                = 0
    snapshot_retention_days = 0
    authentication          = "auth_token"
  }
"""
_PRESENT_REDIS = """\

  redis_enabled                 = true
  redis_auth_token              = var.redis_auth_token
  redis_port                    = REDIS_PORT
  redis_replicas                = 0
  redis_snapshot_retention_days = 0
  redis_authentication          = "auth_token"
"""


class Deployment(NamedTuple):
    """The root in a folder with its state, on a local cloud; with Redis where the cloud has one."""

    folder: Path
    cloud: LocalCloud

    @property
    def state(self) -> Path:
        """Terraform's state."""
        return self.folder / "state" / "terraform.tfstate"

    def call_first_release(self, release: Release) -> Terraform:
        """Write the root that calls the first release."""
        options = FIRST_OPTIONS + (_FIRST_REDIS if self.cloud.redis else "")
        return self._write(release.module("stacks/deals-websocket"), release.manifest, options)

    def call_present(self) -> Terraform:
        """Write the root that calls the modules of this checkout."""
        options = PRESENT_OPTIONS + (_PRESENT_REDIS if self.cloud.redis else "")
        return self._write(ROOT / "terraform/stacks/deals-websocket", MANIFEST, options)

    def _write(self, source: Path, manifest: Path, options: str) -> Terraform:
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        redis = self.cloud.redis
        texts = {
            "OPTIONS": options,
            # An absolute path would be a package of its own, which the stack's modules are outside of.
            "SOURCE": json.dumps(os.path.relpath(source, root)),
            "ENVIRONMENT": json.dumps(ENVIRONMENT),
            "MANIFEST": json.dumps(str(manifest)),
            "BUCKET": json.dumps(PACKAGE_BUCKET),
            "REDIS_URL": json.dumps(f"redis://127.0.0.1:{redis.port}") if redis else "null",
            "REDIS_PORT": str(redis.port if redis else 0),
            "PORT": str(self.cloud.port),
        }
        text = _ROOT
        for name, value in texts.items():
            text = text.replace(name, value)
        (root / "main.tf").write_text(text)

        secrets = {"TF_VAR_jwt_secret": SECRET}
        if redis:
            secrets["TF_VAR_redis_auth_token"] = redis.password_file.read_text()
        terraform = Terraform(root, self.state, {**self.cloud.env(), **secrets})
        upload_packages(self._read({}, terraform).client("s3"), manifest)
        terraform.init()
        return terraform

    def read_service(self, terraform: Terraform) -> Service:
        """Return what is deployed now."""
        return Service(self._read(terraform.outputs(), terraform))

    def read_ids(self, kinds: tuple[str, ...]) -> dict[str, str]:
        """Return the ids of the resources of some types in the state, by address."""
        ids = {}
        for resource in json.loads(self.state.read_text())["resources"]:
            if resource["mode"] == "managed" and resource["type"] in kinds:
                address = f"{resource.get('module', '')}.{resource['type']}.{resource['name']}"
                for instance in resource["instances"]:
                    key = instance.get("index_key", 0)
                    ids[f"{address}[{key}]"] = instance["attributes"]["id"]
        return ids

    def _read(self, outputs: dict[str, object], terraform: Terraform) -> Stack:
        return Stack(self.cloud.endpoint, outputs, SECRET, terraform)


def put_in_service(service: Service, *, newest: bool) -> None:
    """Let every function's alias name its oldest or its newest version, as docs/operations.md rolls back."""
    client = service.stack.client("lambda")
    for arn in service.outputs["function_arns"].values():
        name = arn.split(":")[6]
        listed = client.list_versions_by_function(FunctionName=name)["Versions"]
        versions = sorted(int(item["Version"]) for item in listed if item["Version"] != "$LATEST")
        assert len(versions) > 1, name
        client.update_alias(
            FunctionName=name, Name="live", FunctionVersion=str(versions[-1 if newest else 0])
        )


def read_permissions(service: Service) -> dict[str, set[tuple[str, str]]]:
    """Return what each function may do: actions with resources."""
    client, iam = service.stack.client("lambda"), service.stack.client("iam")
    permissions = {}
    for function, arn in service.outputs["function_arns"].items():
        role = client.get_function_configuration(FunctionName=arn.split(":")[6])["Role"].rpartition("/")[2]
        permissions[function] = {
            (action, resource)
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
            for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"][
                "Statement"
            ]
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
        }
    return permissions


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def set_logging_role(cloud: LocalCloud) -> None:
    """Give the account a role for API Gateway's logs, which the first release's stage asks for."""
    role = f"arn:aws:iam::000000000000:role/{ENVIRONMENT}-logs"
    client = boto3.Session("test", "test", region_name=REGION).client(
        "apigateway", endpoint_url=cloud.endpoint
    )
    client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
