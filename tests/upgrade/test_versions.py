"""Versions tell a zip from that of the first release, so `function_versions` can keep either."""

from __future__ import annotations

import json

from local_cloud.stack import MANIFEST


def test_zip_that_differs_from_that_of_the_first_release_has_another_version(first_release):
    first, present = (
        {
            package["name"]: (package["version"], package["sha256"])
            for package in json.loads(path.read_text())["packages"]
        }
        for path in (first_release.manifest, MANIFEST)
    )
    assert set(first) <= set(present)
    changed = {name for name in first if first[name][1] != present[name][1]}
    assert "broadcast" in changed
    assert {name for name in changed if first[name][0] == present[name][0]} == set()
