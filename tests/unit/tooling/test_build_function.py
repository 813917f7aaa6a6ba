"""Builds a small function completely, with a local dependency and without network."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import marshal
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import build

PYPROJECT = """\
[project]
name = "hello"
version = "1.2.3"
dependencies = ["greeting>=1"]
"""
HANDLER = """\
import greeting
from realtime_core import words

def handler(event, context):
    return greeting.greet(words.NAME)
"""


def _write_wheel(directory: Path) -> str:
    """Write the wheel `greeting` 1.0 into `directory`; return the line that locks it."""
    path = directory / "greeting-1.0-py3-none-any.whl"
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("greeting.py", "def greet(name):\n    return f'Hello {name}'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"greeting==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `lambdas` folder with one function and a shared library."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    lock = _write_wheel(wheels)
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.delenv("TARGET", raising=False)
    monkeypatch.setenv("BYTECODE_PYTHON", "none")

    root = tmp_path / "lambdas"
    for name, text in {
        "hello/__init__.py": "",
        "hello/handler.py": HANDLER,
        "hello/pyproject.toml": PYPROJECT,
        "hello/requirements.txt": lock,
        "realtime_core/__init__.py": "",
        "realtime_core/pyproject.toml": '[project]\nname = "realtime_core"\nversion = "4.5.6"\n',
        "realtime_core/unused.py": "",
        "realtime_core/words.py": "NAME = 'you'\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def _build(root: Path, *arguments: str, output: str = "dist", cache: str = "cache") -> int:
    options = {"--root": root, "--output": root.parent / output, "--cache": root.parent / cache}
    return build.main([*(str(word) for option in options.items() for word in option), *arguments])


def _read_manifest(root: Path, output: str = "dist") -> dict[str, Any]:
    return json.loads((root.parent / output / "manifest.json").read_text())


def test_build_writes_a_working_zip_and_a_manifest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _build(root) == 0
    path = root.parent / "dist" / "hello-1.2.3.zip"
    with zipfile.ZipFile(path) as zipped:
        assert zipped.namelist() == [
            "greeting-1.0.dist-info/METADATA",
            "greeting.py",
            "hello/__init__.py",
            "hello/handler.py",
            "realtime_core/__init__.py",
            "realtime_core/words.py",
        ]

    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert _read_manifest(root) == {
        "target": "lambda",
        "architecture": "arm64",
        "python": "3.13",
        "bytecode": None,
        "realtime_core": "4.5.6",
        "packages": [
            {
                "name": "hello",
                "version": "1.2.3",
                "file": "hello-1.2.3.zip",
                "sha256": sha256,
                "size": path.stat().st_size,
            }
        ],
    }
    assert "hello 1.2.3" in capsys.readouterr().out

    code = (
        f"import sys; sys.path.insert(0, {str(path)!r})\n"
        "from hello.handler import handler; print(handler({}, None))"
    )
    completed = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout == "Hello you\n"


def test_build_from_another_folder_at_another_time_gives_the_same_zip(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "checkout" / "lambdas"
    shutil.copytree(root, elsewhere, copy_function=shutil.copy)  # copies without the times
    (elsewhere / "hello" / "handler.py").chmod(0o777)
    (elsewhere / "hello" / "__pycache__").mkdir()
    (elsewhere / "hello" / "__pycache__" / "handler.cpython-313.pyc").write_bytes(b"stale")
    assert _build(root) == _build(elsewhere) == 0
    assert _read_manifest(root) == _read_manifest(elsewhere)
    assert (root.parent / "dist/hello-1.2.3.zip").read_bytes() == (
        elsewhere.parent / "dist/hello-1.2.3.zip"
    ).read_bytes()


def test_second_build_uses_the_installed_dependencies(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _build(root) == 0
    shutil.rmtree(root.parent / "wheels")
    monkeypatch.setenv("UV_CACHE_DIR", str(root.parent / "empty"))
    assert _build(root, output="again") == 0
    assert _read_manifest(root) == _read_manifest(root, "again")


def test_local_build_names_the_python_of_this_machine(root: Path) -> None:
    assert _build(root, "--target", "local") == 0
    manifest = _read_manifest(root)
    assert (manifest["target"], manifest["python"]) == ("local", platform.python_version().rpartition(".")[0])
    assert manifest["architecture"] is None, "the local cloud runs it on this machine, whatever is declared"


def test_build_for_x86_64_names_it_in_manifest_and_file_and_spares_the_other_zip(root: Path) -> None:
    assert _build(root) == 0
    assert _build(root, "--architecture", "x86_64") == 0
    manifest = _read_manifest(root)
    assert manifest["architecture"] == "x86_64"
    assert [package["file"] for package in manifest["packages"]] == ["hello-1.2.3-x86_64.zip"]
    assert (root.parent / "dist" / "hello-1.2.3.zip").exists()


def test_unknown_architecture_fails_and_names_the_known_ones(root: Path, capsys) -> None:
    assert _build(root, "--architecture", "aarch64") == 1
    assert "ARCHITECTURE must be arm64 or x86_64, not 'aarch64'" in capsys.readouterr().err


def test_requested_bytecode_is_reproducible_and_unchecked(root: Path) -> None:
    options = ("--target", "local", "--bytecode-python", sys.executable)
    assert _build(root, *options) == 0
    assert _build(root, *options, output="again") == 0
    assert _read_manifest(root) == _read_manifest(root, "again")
    assert _read_manifest(root)["bytecode"] == platform.python_version()
    with zipfile.ZipFile(root.parent / "dist" / "hello-1.2.3.zip") as zipped:
        pyc = zipped.read(importlib.util.cache_from_source("hello/handler.py"))
    assert pyc[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(pyc[4:8], "little") == 0b01  # by hash, unchecked
    assert marshal.loads(pyc[16:]).co_filename == "/var/task/hello/handler.py"


def _fake_python(version: str) -> str:
    """The body of a script that reports this version of Python and otherwise runs this one."""
    return f'case "$*" in *platform*) echo {version} ;; *) exec {sys.executable} "$@" ;; esac'


def test_lambda_build_with_a_matching_python_ships_bytecode(root: Path, program, monkeypatch) -> None:
    monkeypatch.delenv("BYTECODE_PYTHON")
    monkeypatch.setenv("PATH", str(program("python3.13", _fake_python("3.13.99")).parent), prepend=os.pathsep)
    assert _build(root) == 0
    assert _read_manifest(root)["bytecode"] == "3.13.99"
    with zipfile.ZipFile(root.parent / "dist" / "hello-1.2.3.zip") as zipped:
        assert importlib.util.cache_from_source("hello/handler.py") in zipped.namelist()

    assert _build(root, "--target", "local", output="local") == 0
    assert _read_manifest(root, "local")["bytecode"] is None


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="the Python that runs the tests is Lambda's own")
@pytest.mark.parametrize("body", ["exit 127", _fake_python("3.12.1")])
def test_lambda_build_without_a_matching_python_warns_of_slow_cold_starts(
    root: Path, program, monkeypatch, capsys, body
) -> None:
    monkeypatch.delenv("BYTECODE_PYTHON")
    monkeypatch.setenv("PATH", str(program("python3.13", body).parent), prepend=os.pathsep)
    assert _build(root) == 0
    assert _read_manifest(root)["bytecode"] is None
    assert "BYTECODE_PYTHON=/path/to/python3.13" in capsys.readouterr().err


def test_requested_build_without_bytecode_prints_no_warning(root: Path, capsys) -> None:
    assert _build(root) == 0
    assert capsys.readouterr().err == ""


def test_build_with_another_version_of_python_fails(root: Path, program, capsys) -> None:
    assert _build(root, "--bytecode-python", str(program("python3.9", "echo 3.9.1"))) == 1
    assert "is Python 3.9.1; lambda runs 3.13" in capsys.readouterr().err


def _edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))

    return apply


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (
            _edit("hello/pyproject.toml", '"greeting>=1"', '"greeting>=1", "extra"'),
            "does not pin extra; run `make lock`",
        ),
        (
            _edit("hello/pyproject.toml", "greeting>=1", "greeting>=2"),
            "1.0 is not greeting>=2; run `make lock`",
        ),
        (_edit("hello/pyproject.toml", '"greeting>=1"', ""), "nothing needs greeting; run `make lock`"),
        (_edit("hello/pyproject.toml", "greeting>=1", "greeting>=>1"), "'greeting>=>1'"),
        (
            _edit("hello/pyproject.toml", '"hello"', '"hullo"'),
            "project.name must be the folder's name, 'hello'",
        ),
        (
            _edit("hello/pyproject.toml", '"1.2.3"', '"new"'),
            "project.version must be like '1.2.3', not 'new'",
        ),
        (_edit("hello/pyproject.toml", '["greeting>=1"]', '"greeting"'), "project.dependencies must be a"),
        (_edit("hello/pyproject.toml", "[project]", "[project"), "pyproject.toml: "),
        (_edit("hello/requirements.txt", "sha256:", "sha256:0"), "could not be installed for lambda"),
        (
            _edit("hello/handler.py", "import greeting", "import boto3"),
            "hello imports boto3, which is not one of its",
        ),
        (
            lambda root: (root / "hello/requirements.txt").unlink(),
            "requirements.txt is missing: run `make lock`",
        ),
        (lambda root: (root / "hello/pyproject.toml").unlink(), "pyproject.toml is missing"),
        (lambda root: (root / "hello/handler.py").unlink(), "no folder in"),
    ],
)
def test_faulty_function_fails_with_the_remedy_and_writes_no_zip(
    root: Path, capsys: pytest.CaptureFixture[str], fault: Callable[[Path], None], complaint: str
) -> None:
    fault(root)
    assert _build(root) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("lambdas/build.py: ")
    assert complaint in printed
    assert not list(root.parent.glob("dist/*"))


def test_optional_import_without_its_package_builds(root: Path) -> None:
    source = f"try:\n    import orjson\nexcept ImportError:\n    orjson = None\n{HANDLER}"
    (root / "hello/handler.py").write_text(source)
    assert _build(root) == 0


def test_unknown_target_fails_and_names_the_known_ones(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _build(root, "--target", "windows") == 1
    assert "TARGET must be lambda or local, not 'windows'" in capsys.readouterr().err


def test_build_without_uv_names_the_remedy(root: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "")
    assert _build(root) == 1
    assert "uv is missing: run `make setup`" in capsys.readouterr().err
