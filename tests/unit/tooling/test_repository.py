"""What tracked files must not contain."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# In parts, because this file is tracked too. A lock that names a host installs only where that host is
# reachable; without a host it installs from the index that the machine is configured for.
REGISTRIES = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("yarnpkg", "com"),
    ("deb.debian", "org"),
    ("archive.ubuntu", "com"),
    ("proxy.golang", "org"),
    ("crates", "io"),
    ("repo.maven.apache", "org"),
]


def _list_tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8", errors="replace")
        for path in _list_tracked()
    }


@pytest.mark.parametrize("host", REGISTRIES, ids="_".join)
def test_tracked_files_name_no_package_registry(texts: dict[str, str], host: tuple[str, str]) -> None:
    name = re.compile(rf"\b{re.escape('.'.join(host))}\b")
    assert texts, "git lists no files"
    assert [path for path, text in texts.items() if name.search(text)] == []


def test_locks_pin_by_hash_and_name_no_host(texts: dict[str, str]) -> None:
    locks = {path: text for path, text in texts.items() if path.endswith("requirements.txt")}
    assert locks
    for path, text in locks.items():
        pins = re.findall(r"^[A-Za-z0-9][\w.-]*==", text, re.MULTILINE)
        hashed = re.findall(r"^[A-Za-z0-9][\w.-]*==[^\n]*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(hashed), path
        needed = texts.get(str(Path(path).with_name("pyproject.toml")), "")
        assert pins or "\ndependencies = []\n" in needed, path
        assert "://" not in text, path
