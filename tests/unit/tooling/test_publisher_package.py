"""The wheel of the publisher package: complete, typed, and without dependencies."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "clients" / "python"


def test_wheel_holds_the_package_and_imports_without_dependencies(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    completed = subprocess.run(
        [uv, "build", "--quiet", "--offline", "--wheel", "--out-dir", tmp_path, PACKAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr

    [wheel] = tmp_path.glob("deals_publisher-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    sources = {path.name for path in (PACKAGE / "deals_publisher").iterdir() if path.is_file()}
    assert {path.name for path in (tmp_path / "site" / "deals_publisher").iterdir()} == sources
    assert "py.typed" in sources

    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import deals_publisher"
    completed = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
