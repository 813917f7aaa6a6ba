"""The distribution for Python: complete, typed, and each package imports what it needs and nothing more."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import websockets

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "clients" / "python"
PACKAGES = ("deals_client", "deals_publisher")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "build", "--quiet", "--offline", "--wheel", "--out-dir", folder, FOLDER]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    [wheel] = folder.glob("deals_client-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_every_file_of_the_package(site: Path, package: str) -> None:
    sources = {path.name for path in (FOLDER / package).iterdir() if path.is_file()}
    assert {path.name for path in (site / package).iterdir()} == sources
    assert "py.typed" in sources


def test_metadata_names_the_dependency_and_the_extras(site: Path) -> None:
    [metadata] = site.glob("*.dist-info/METADATA")
    lines = metadata.read_text("utf-8").splitlines()
    assert "Requires-Dist: websockets>=15" in lines
    assert {"publisher", "aws", "http", "redis"} == {
        line.removeprefix("Provides-Extra: ") for line in lines if line.startswith("Provides-Extra: ")
    }
    assert any(line.startswith("# deals-client") for line in lines), "the README is the description"


def import_alone(site: Path, code: str, *more: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(path) for path in (site, *more)]
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_publisher_imports_without_dependencies(site: Path) -> None:
    completed = import_alone(site, "import deals_publisher; assert 'websockets' not in sys.modules")
    assert completed.returncode == 0, completed.stderr


def test_client_imports_with_websockets_alone_and_starts_nothing(site: Path, tmp_path: Path) -> None:
    (tmp_path / "websockets").symlink_to(Path(websockets.__file__).parent)
    code = "import threading, deals_client, deals_client.sync; assert threading.active_count() == 1"
    completed = import_alone(site, code, tmp_path)
    assert completed.returncode == 0, completed.stderr
