"""Zips of earlier versions in the manifest of a build."""

from __future__ import annotations

import hashlib
from pathlib import Path

from builder.earlier import find_earlier
from builder.functions import Function


def _function(name: str, version: str) -> Function:
    return Function(name, version, (), Path("requirements.txt"))


def test_zips_of_other_versions_are_listed_in_their_order(tmp_path: Path) -> None:
    for version in ("0.10.0", "0.9.1", "0.11.0"):
        (tmp_path / f"broadcast-{version}.zip").write_bytes(version.encode())
    (tmp_path / "message_router-0.2.0.zip").write_bytes(b"router")

    entries = find_earlier(tmp_path, [_function("broadcast", "0.11.0"), _function("message_router", "0.2.0")])

    assert [(entry["name"], entry["version"]) for entry in entries] == [
        ("broadcast", "0.9.1"),
        ("broadcast", "0.10.0"),
    ]
    assert entries[0] == {
        "name": "broadcast",
        "version": "0.9.1",
        "file": "broadcast-0.9.1.zip",
        "sha256": hashlib.sha256(b"0.9.1").hexdigest(),
        "size": 5,
    }


def test_other_files_are_no_versions(tmp_path: Path) -> None:
    for name in (
        "package.zip",
        "broadcast-latest.zip",
        ".building-broadcast-0.1.0.zip",
        "broadcast-0.1.0.txt",
    ):
        (tmp_path / name).write_bytes(b"x")
    assert find_earlier(tmp_path, [_function("broadcast", "0.2.0")]) == []


def test_zips_of_the_other_architecture_are_left_out(tmp_path: Path) -> None:
    for name in ("broadcast-0.1.0.zip", "broadcast-0.1.0-x86_64.zip"):
        (tmp_path / name).write_bytes(b"x")
    functions = [_function("broadcast", "0.2.0")]
    assert [entry["file"] for entry in find_earlier(tmp_path, functions)] == ["broadcast-0.1.0.zip"]
    entries = find_earlier(tmp_path, functions, "-x86_64")
    found = [(entry["file"], entry["version"]) for entry in entries]
    assert found == [("broadcast-0.1.0-x86_64.zip", "0.1.0")]
