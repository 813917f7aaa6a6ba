"""Puts the built zips where Terraform's functions read them from: a bucket of the cloud itself.

From S3 Terraform makes all functions side by side; from local files its provider makes one after the other,
some five seconds each.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE_BUCKET = "deals-packages"


def upload_packages(s3: Any, manifest: Path) -> None:
    """Upload every zip that a manifest lists, by its file name; the bucket is created if need be."""
    try:
        s3.create_bucket(Bucket=PACKAGE_BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise
    known = json.loads(manifest.read_text())
    for package in [*known["packages"], *known.get("earlier", [])]:
        zipped = manifest.with_name(package["file"]).read_bytes()
        s3.put_object(Bucket=PACKAGE_BUCKET, Key=package["file"], Body=zipped)
