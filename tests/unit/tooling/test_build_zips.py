"""The zips of all functions, with their real locks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import build
from builder.functions import Function, discover

FUNCTIONS = discover(build.ROOT)
# What the runtime sets, and an endpoint on which nothing listens.
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


def _unpack(zips: Path, function: Function, directory: Path) -> Path:
    with zipfile.ZipFile(zips / f"{function.name}-{function.version}.zip") as zipped:
        zipped.extractall(directory)
    return directory


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_zip_holds_everything_that_its_function_imports(
    zips: Path, function: Function, tmp_path: Path
) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(_unpack(zips, function, tmp_path))!r})
from {function.name}.handler import handler
assert callable(handler)
assert "botocore" not in sys.modules
ours = [m for m in sys.modules.values() if getattr(m, "__file__", None) and "site-packages" in m.__file__]
assert not ours, ours
"""
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    completed = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_zip_is_small_and_holds_no_other_function(zips: Path, function: Function) -> None:
    with zipfile.ZipFile(zips / f"{function.name}-{function.version}.zip") as zipped:
        names = zipped.namelist()
    others = {other.name for other in FUNCTIONS} - {function.name}
    assert {name.split("/")[0] for name in names}.isdisjoint(others)

    # The package cryptography takes 5 MB.
    bytes_max = 6_000_000 if function.dependencies else 200_000
    assert (zips / f"{function.name}-{function.version}.zip").stat().st_size < bytes_max


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_zip_ships_the_licence_of_each_package_in_it(zips: Path, function: Function) -> None:
    with zipfile.ZipFile(zips / f"{function.name}-{function.version}.zip") as zipped:
        names = zipped.namelist()
    packages = {name.split("/")[0] for name in names if ".dist-info/" in name}
    licensed = {
        name.split("/")[0] for name in names if re.search(r"\.dist-info/.*(LICEN[CS]E|COPYING)", name)
    }
    assert licensed == packages
    assert bool(packages) == bool(function.dependencies)


def test_build_from_a_copy_of_the_sources_gives_the_same_zips(zips: Path, tmp_path: Path) -> None:
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
    completed = subprocess.run(
        command, env={**os.environ, "TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    manifest = json.loads((copy.parent / "dist" / "local" / "manifest.json").read_text())
    assert manifest == json.loads((zips / "manifest.json").read_text())
    assert [package["name"] for package in manifest["packages"]] == [function.name for function in FUNCTIONS]
