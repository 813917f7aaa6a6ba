"""The zips that ship: all functions, with their real locks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import build
from builder.functions import Function, discover

FUNCTIONS = discover(build.ROOT)
# What the runtime gives a function, and an endpoint that nothing listens on.
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "key",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("zips")
    assert build.main(["--target", "local", "--output", str(output)]) == 0
    return output


def _unpacked(zips: Path, function: Function, directory: Path) -> Path:
    with zipfile.ZipFile(zips / f"{function.name}-{function.version}.zip") as zipped:
        zipped.extractall(directory)
    return directory


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_zip_holds_all_that_its_function_imports(zips: Path, function: Function, tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(_unpacked(zips, function, tmp_path))!r})
from {function.name}.handler import handler
assert callable(handler)
assert "botocore" not in sys.modules
ours = [m for m in sys.modules.values() if getattr(m, "__file__", None) and "site-packages" in m.__file__]
assert not ours, ours
"""
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_zip_is_small_and_holds_no_other_function(zips: Path, function: Function) -> None:
    with zipfile.ZipFile(zips / f"{function.name}-{function.version}.zip") as zipped:
        names = zipped.namelist()
    assert {name.split("/")[0] for name in names}.isdisjoint(
        {one.name for one in FUNCTIONS} - {function.name}
    )
    # cryptography's share is 5 MB.
    most = 6_000_000 if function.dependencies else 200_000
    assert (zips / f"{function.name}-{function.version}.zip").stat().st_size < most


def test_zips_are_the_same_from_a_copy_of_the_sources(zips: Path, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(build.PROJECT / "lambdas", tmp_path / "copy" / "lambdas", ignore=ignored)
    command = [
        sys.executable,
        copy / "build.py",
        "--target",
        "local",
        "--cache",
        build.PROJECT / ".cache" / "lambdas",
    ]
    ran = subprocess.run(
        command, env={**os.environ, "TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    there = json.loads((copy.parent / "dist" / "local" / "manifest.json").read_text())
    assert there == json.loads((zips / "manifest.json").read_text())
    assert [package["name"] for package in there["packages"]] == [function.name for function in FUNCTIONS]
