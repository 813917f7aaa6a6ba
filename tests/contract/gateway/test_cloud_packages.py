"""The zips of a manifest are in the cloud's bucket, where Terraform's functions come from."""

from __future__ import annotations

import json

import pytest

from local_cloud.packages import PACKAGE_BUCKET, upload_packages

pytestmark = pytest.mark.local_only("AWS has no local zips")


def test_zips_are_uploaded_under_their_names_and_replaced_by_new_ones(target, tmp_path):
    s3, manifest = target.client("s3"), tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"packages": [{"file": "a-1.zip"}, {"file": "b-2.zip"}]}))
    for content in (b"first", b"second"):
        for name in ("a-1.zip", "b-2.zip"):
            (tmp_path / name).write_bytes(content + name.encode())

        upload_packages(s3, manifest)

        read = {
            name: s3.get_object(Bucket=PACKAGE_BUCKET, Key=name)["Body"].read()
            for name in ("a-1.zip", "b-2.zip")
        }
        assert read == {name: content + name.encode() for name in ("a-1.zip", "b-2.zip")}
