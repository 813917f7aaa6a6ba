"""The download of the pinned release, from a local server."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from terraform.tooling import release
from terraform.tooling.binary import inspect
from terraform.tooling.errors import ToolchainError

TARGET = "linux_amd64"
ARCHIVE = f"/{release.VERSION}/terraform_{release.VERSION}_{TARGET}.zip"
SUMS = f"/{release.VERSION}/terraform_{release.VERSION}_SHA256SUMS"


def _archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as contents:
        contents.writestr("LICENSE.txt", "terms")
        contents.writestr("terraform", f"#!/bin/sh\necho 'Terraform v{release.VERSION}'\n")
    return buffer.getvalue()


class Site:
    """A releases site with `files` by path; it sends half the bytes of the paths in `cut`."""

    def __init__(self) -> None:
        archive = _archive()
        self.checksum = hashlib.sha256(archive).hexdigest()
        self.files = {
            ARCHIVE: archive,
            SUMS: f"{'0' * 64}  other.zip\n{self.checksum}  {ARCHIVE.rpartition('/')[2]}\n".encode(),
        }
        self.cut: set[str] = set()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.files.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write((body or b"")[: len(body or b"") // (2 if self.path in site.cut else 1)])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                """Keep the tests quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


def _fetch(site: Site, directory: Path) -> Path:
    return release.fetch(directory, site.url, {TARGET: site.checksum}, TARGET)


def test_fetch_installs_a_working_binary(site: Site, tmp_path: Path) -> None:
    binary = _fetch(site, tmp_path / "tools")
    assert inspect(binary).version == (1, 11, 4)
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["terraform"]


def _alter_archive(site: Site) -> None:
    site.files[ARCHIVE] += b"more"


def _alter_archive_and_list(site: Site) -> None:
    _alter_archive(site)
    checksum = hashlib.sha256(site.files[ARCHIVE]).hexdigest()
    site.files[SUMS] = f"{checksum}  {ARCHIVE.rpartition('/')[2]}\n".encode()


def _remove_line_from_list(site: Site) -> None:
    site.files[SUMS] = b"\n"


def _cut_archive(site: Site) -> None:
    site.cut.add(ARCHIVE)


def _remove_archive(site: Site) -> None:
    del site.files[ARCHIVE]


def _remove_list(site: Site) -> None:
    del site.files[SUMS]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (_alter_archive, "does not match its checksum"),
        (_alter_archive_and_list, "is not the pinned one"),
        (_remove_line_from_list, "do not list"),
        (_cut_archive, "does not match its checksum|could not be read"),
        (_remove_archive, "answered 404"),
        (_remove_list, "answered 404"),
    ],
)
def test_fetch_of_a_damaged_release_raises_and_leaves_nothing(
    site: Site, tmp_path: Path, damage, complaint: str
) -> None:
    damage(site)
    with pytest.raises(ToolchainError, match=complaint) as refused:
        _fetch(site, tmp_path / "tools")
    assert "by hand" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_failed_fetch_keeps_the_old_binary(site: Site, tmp_path: Path) -> None:
    (tmp_path / "terraform").write_text("the old one")
    _alter_archive(site)
    with pytest.raises(ToolchainError):
        _fetch(site, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the old one"]


def test_fetch_from_an_unreachable_site_raises(site: Site, tmp_path: Path) -> None:
    site.server.server_close()
    with pytest.raises(ToolchainError, match="could not be read"):
        _fetch(site, tmp_path / "tools")


def test_fetch_for_a_platform_without_a_pin_raises(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="No Terraform is pinned for plan9_mips"):
        release.fetch(tmp_path, "http://127.0.0.1:9", target="plan9_mips")


def test_fetch_without_tls_raises(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="must be an https address"):
        release.fetch(tmp_path / "tools", "http://example.com", {TARGET: ""}, TARGET)


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", "linux_amd64"),
        ("Linux", "aarch64", "linux_arm64"),
        ("Darwin", "arm64", "darwin_arm64"),
    ],
)
def test_current_platform_has_a_pin(monkeypatch, system: str, machine: str, expected: str) -> None:
    monkeypatch.setattr(release.platform, "system", lambda: system)
    monkeypatch.setattr(release.platform, "machine", lambda: machine)
    assert release.current_platform() == expected
    assert len(release.PINNED[expected]) == 64
