"""Fetching a release's zips: what is kept, and what is refused."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fetch_packages
from fetch_packages import FetchError, fetch


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _release(folder: Path, version: str, **changed: str) -> str:
    """Write a release of two functions and return the SHA-256 of its manifest."""
    folder.mkdir()
    packages = []
    for name in ("broadcast", "delivery"):
        file = f"{name}-{version}.zip"
        (folder / file).write_bytes(f"{name} {version}".encode())
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        packages.append(
            {"name": name, "version": version, "file": file, "sha256": digest, "size": 1, **changed}
        )
    (folder / "manifest.json").write_text(
        json.dumps({"target": "lambda", "packages": packages, "earlier": []})
    )
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_release_is_fetched_with_its_manifest(releases: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = releases
    digest = _release(folder / "v2", "0.2.0")
    options = [f"{url}/v2/", "--manifest-sha256", digest.upper(), "--into", str(tmp_path / "dist")]
    assert fetch_packages.main(options) == 0
    names = sorted(path.name for path in (tmp_path / "dist").iterdir())
    assert names == ["broadcast-0.2.0.zip", "delivery-0.2.0.zip", "manifest.json"]
    assert (tmp_path / "dist" / "broadcast-0.2.0.zip").read_bytes() == b"broadcast 0.2.0"


def test_older_release_joins_as_versions_to_roll_back_to(releases: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = releases
    into = tmp_path / "dist"
    old, new = _release(folder / "v1", "0.1.0"), _release(folder / "v2", "0.2.0")
    fetch(f"{url}/v2", new, into)
    fetch(f"{url}/v1", old, into, earlier=True)
    fetch(f"{url}/v1", old, into, earlier=True)
    manifest = json.loads((into / "manifest.json").read_text())
    assert {package["version"] for package in manifest["packages"]} == {"0.2.0"}
    assert [(package["name"], package["version"]) for package in manifest["earlier"]] == [
        ("broadcast", "0.1.0"),
        ("delivery", "0.1.0"),
    ]
    assert (into / "delivery-0.1.0.zip").read_bytes() == b"delivery 0.1.0"


def test_manifest_alone_serves_those_who_have_the_zips_in_a_bucket(
    releases: tuple[Path, str], tmp_path: Path
) -> None:
    folder, url = releases
    digest = _release(folder / "v2", "0.2.0")
    fetch(f"{url}/v2", digest, tmp_path / "dist", zips=False)
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["manifest.json"]


def test_manifest_with_another_checksum_is_refused(
    releases: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, url = releases
    _release(folder / "v2", "0.2.0")
    options = [f"{url}/v2", "--manifest-sha256", "0" * 64, "--into", str(tmp_path / "dist")]
    assert fetch_packages.main(options) == 1
    assert "manifest.json has the SHA-256 " in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_zip_with_another_checksum_is_not_kept(releases: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = releases
    digest = _release(folder / "v2", "0.2.0")
    (folder / "v2" / "delivery-0.2.0.zip").write_bytes(b"altered")
    with pytest.raises(FetchError, match=r"delivery-0\.2\.0\.zip has the SHA-256"):
        fetch(f"{url}/v2", digest, tmp_path / "dist")
    assert not (tmp_path / "dist" / "delivery-0.2.0.zip").exists()
    assert not (tmp_path / "dist" / "manifest.json").exists()


def test_name_that_leaves_the_folder_is_refused(releases: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = releases
    digest = _release(folder / "v2", "0.2.0", file="../../broadcast-0.2.0.zip")
    with pytest.raises(FetchError, match="which is no file of a package"):
        fetch(f"{url}/v2", digest, tmp_path / "dist")


def test_earlier_needs_a_manifest_to_join(releases: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = releases
    digest = _release(folder / "v1", "0.1.0")
    with pytest.raises(FetchError, match="fetch the release in service first"):
        fetch(f"{url}/v1", digest, tmp_path / "dist", earlier=True)


@pytest.mark.parametrize("url", ["http://example.com/v1", "file:///etc", "ftp://example.com"])
def test_only_https_is_read(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="give an https address"):
        fetch(url, "0" * 64, tmp_path)


def test_missing_release_is_named(releases: tuple[Path, str], tmp_path: Path) -> None:
    _, url = releases
    with pytest.raises(FetchError, match=r"/v9/manifest\.json could not be read"):
        fetch(f"{url}/v9", "0" * 64, tmp_path)
