"""The module `console`, applied by the real provider: what is stored, who may read it, a second plan."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import boto3
import pytest

from local_cloud import LocalCloud
from local_cloud.gateway.static_files import POLICY
from local_cloud.stack import REGION, ROOT
from local_cloud.terraform import Terraform
from tests.e2e.conftest import APPLY_SECONDS_MAX

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(APPLY_SECONDS_MAX)

MODULE = ROOT / "terraform" / "modules" / "console"
URL = "wss://live.example.com/v1"

# The emulator answers with an empty `remove_headers_config`, where AWS leaves it out.
DIFFERENCES_OF_THE_EMULATOR = {"module.console.aws_cloudfront_response_headers_policy.this": ["update"]}

FILES = {
    "index.html": "text/html; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "config.json": "application/json; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "fonts/LICENSE": "application/octet-stream",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("CloudFront is none of its free services: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def client(cloud):
    session = boto3.Session("test", "test", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=cloud.endpoint)


def write_root(folder: Path) -> Path:
    folder.mkdir()
    (folder / "main.tf").write_text(
        f"""
        terraform {{
          required_providers {{
            aws = {{ source = "hashicorp/aws" }}
          }}
        }}

        provider "aws" {{
          allowed_account_ids     = ["000000000000"]
          skip_metadata_api_check = true
          s3_use_path_style       = true
        }}

        module "console" {{
          source        = {json.dumps(os.path.relpath(MODULE, folder))}
          name          = "deals-test"
          websocket_url = {json.dumps(URL)}
          folder        = {json.dumps(str(MODULE / "tests" / "fixtures" / "dist"))}
        }}

        output "bucket" {{
          value = module.console.bucket_name
        }}

        output "distribution_id" {{
          value = module.console.distribution_id
        }}
        """
    )
    return folder


@pytest.fixture(scope="module")
def applied(cloud, tmp_path_factory):
    """The applied module; it is destroyed at the end."""
    folder = tmp_path_factory.mktemp("console")
    terraform = Terraform(write_root(folder / "root"), folder / "run" / "terraform.tfstate", cloud.env())
    terraform.init()
    terraform.apply(lambda _step: None)
    yield terraform
    terraform.destroy(lambda _step: None)


def test_files_are_in_the_bucket_with_their_types_and_the_services_url(applied, client):
    s3, bucket = client("s3"), applied.outputs()["bucket"]

    stored = {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])
              for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}  # fmt: skip

    assert {name: file["ContentType"] for name, file in stored.items()} == FILES
    assert {file["CacheControl"] for file in stored.values()} == {"no-cache"}
    assert {file["ServerSideEncryption"] for file in stored.values()} == {"AES256"}
    assert json.load(stored["config.json"]["Body"]) == {"url": URL}


def test_bucket_is_closed_to_everybody_but_the_distribution(applied, client, cloud):
    s3, outputs = client("s3"), applied.outputs()
    bucket = outputs["bucket"]

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{cloud.endpoint}/{bucket}/index.html")
    assert refused.value.code == 403
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())

    arn = f"arn:aws:cloudfront::000000000000:distribution/{outputs['distribution_id']}"
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    allowed = [one for one in statements if one["Effect"] == "Allow"]
    assert {one["Action"] for one in allowed} == {"s3:GetObject", "s3:ListBucket"}
    assert [one["Condition"] for one in allowed] == [{"StringEquals": {"aws:SourceArn": arn}}] * 2


def test_distribution_signs_its_requests_and_sends_the_policy(applied, client):
    cloudfront, distribution_id = client("cloudfront"), applied.outputs()["distribution_id"]

    config = cloudfront.get_distribution_config(Id=distribution_id)["DistributionConfig"]
    [origin] = config["Origins"]["Items"]
    control = cloudfront.get_origin_access_control(Id=origin["OriginAccessControlId"])
    assert control["OriginAccessControl"]["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    assert config["DefaultRootObject"] == "index.html"
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"

    headers = cloudfront.get_response_headers_policy(
        Id=config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
    )
    sent = headers["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert sent["ContentSecurityPolicy"]["ContentSecurityPolicy"] == POLICY.replace(
        "connect-src 'self'", "connect-src 'self' wss://live.example.com"
    )


def test_second_plan_changes_nothing(applied):
    assert applied.changes() == DIFFERENCES_OF_THE_EMULATOR
