"""A build keeps the zips of the one before it, as long as those are what it would build."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import build
from builder import package


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A function without dependencies, and the library that it shares."""
    root = tmp_path / "lambdas"
    for name in ("realtime_core", "greeter"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").touch()
        (root / name / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "1.0.0"\ndependencies = []\n'
        )
    (root / "realtime_core" / "words.py").write_text('HELLO = "hello"\n')
    handler = "from realtime_core.words import HELLO\n\n\ndef handler(event, context):\n    return HELLO\n"
    (root / "greeter" / "handler.py").write_text(handler)
    (root / "greeter" / "requirements.txt").touch()
    return root


@pytest.fixture
def make(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Builds; returns the bytes of the zip, and whether it was written in this build."""
    written = []
    write = package._write_archive
    monkeypatch.setattr(package, "_write_archive", lambda *a: written.append(a) or write(*a))
    output = tmp_path / "dist"

    def run(*options: str) -> tuple[bytes, bool]:
        written.clear()
        arguments = ["--target", "local", "--root", str(sources), "--output", str(output)]
        assert build.main([*arguments, "--cache", str(tmp_path / "cache"), *options]) == 0
        return (output / "greeter-1.0.0.zip").read_bytes(), bool(written)

    return run


def test_second_build_keeps_the_zips_and_writes_the_same_manifest(make, tmp_path):
    first, _ = make()
    manifest = (tmp_path / "dist" / "manifest.json").read_bytes()

    assert make() == (first, False)
    assert (tmp_path / "dist" / "manifest.json").read_bytes() == manifest


def test_change_of_the_shared_library_is_in_the_next_zips(make, sources):
    first, _ = make()
    (sources / "realtime_core" / "words.py").write_text('HELLO = "good evening"\n')

    second, written = make()

    assert written
    assert second != first


def test_zip_that_was_damaged_is_built_again(make, tmp_path):
    first, _ = make()
    (tmp_path / "dist" / "greeter-1.0.0.zip").write_bytes(first[:-20])

    assert make() == (first, True)


def test_zip_or_manifest_that_is_gone_is_built_again(make, tmp_path):
    first, _ = make()
    for name in ("greeter-1.0.0.zip", "manifest.json"):
        (tmp_path / "dist" / name).unlink()
        assert make() == (first, True)


def test_other_target_is_built_again(make):
    make()

    assert make("--target", "lambda", "--bytecode-python", "none")[1]


def test_build_that_fails_halfway_leaves_nothing_to_keep(make, sources):
    make()
    shutil.copytree(sources / "greeter", sources / "wrong")
    (sources / "wrong" / "pyproject.toml").write_text(
        '[project]\nname = "wrong"\nversion = "1.0.0"\ndependencies = []\n'
    )
    (sources / "wrong" / "handler.py").write_text("import nothing_of_this\n")
    with pytest.raises(AssertionError):
        make()
    shutil.rmtree(sources / "wrong")

    assert make()[1]
