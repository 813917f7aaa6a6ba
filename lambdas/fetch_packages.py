#!/usr/bin/env python3
"""Fetch the functions' zips of a release, for those who have no checkout to build them from.

    python3 fetch_packages.py URL --manifest-sha256 HEX --into DIR [--earlier] [--manifest-only]

URL is where the release has its files, such as https://github.com/OWNER/REPO/releases/download/v0.4.0. The
manifest must have the given SHA-256, which the release's SHA256SUMS names; each zip must have the one that
the manifest names. Nothing is kept of what does not. It needs Python 3.11 and no packages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[a-z]\w*-[0-9A-Za-z_.+-]+\.zip")
_TIMEOUT_SECONDS = 60

Read = Callable[[str], bytes]


class FetchError(Exception):
    """A file is missing or not what it should be; the message names it."""


def main(arguments: Sequence[str]) -> int:
    """Fetch, print a line for each file, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        files = fetch(
            options.url.rstrip("/"),
            options.manifest_sha256.lower(),
            options.into,
            earlier=options.earlier,
            zips=not options.manifest_only,
        )
    except FetchError as error:
        sys.stderr.write(f"fetch_packages.py: {error}\n")
        return 1
    for file in files:
        sys.stdout.write(f"{file}\n")
    return 0


def fetch(
    url: str,
    manifest_sha256: str,
    into: Path,
    *,
    earlier: bool = False,
    zips: bool = True,
    read: Read | None = None,
) -> list[Path]:
    """Fetch a release into a folder and return its files, the manifest last. Raises FetchError.

    With `earlier` its zips join the manifest that is there, as versions to roll back to; without `zips` only
    the manifest is fetched, for zips that a bucket has. `read` returns what an address holds.
    """
    read = read or _read
    manifest = json.loads(_verified(f"{url}/manifest.json", manifest_sha256, read))
    path = into / "manifest.json"
    if earlier:
        manifest = _join(_present(path), manifest["packages"])
        wanted = [package for package in manifest["earlier"] if not (into / package["file"]).exists()]
    else:
        manifest["earlier"] = []
        wanted = manifest["packages"]

    into.mkdir(parents=True, exist_ok=True)
    files = [_fetch_zip(url, package, into, read) for package in wanted] if zips else []
    _write(path, (json.dumps(manifest, indent=2) + "\n").encode())
    return [*files, path]


def _fetch_zip(url: str, package: dict[str, Any], into: Path, read: Read) -> Path:
    name = str(package["file"])
    if not _NAME.fullmatch(name):
        raise FetchError(f"the manifest names {name!r}, which is no file of a package")
    path = into / name
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != package["sha256"]:
        _write(path, _verified(f"{url}/{name}", package["sha256"], read))
    return path


def _join(present: dict[str, Any], packages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the manifest that is there with further packages among its earlier ones."""
    known = {(package["name"], package["version"]) for package in present["packages"]}
    others = {
        (package["name"], package["version"]): package for package in [*present.get("earlier", []), *packages]
    }
    return {**present, "earlier": [package for key, package in sorted(others.items()) if key not in known]}


def _present(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise FetchError(
            f"there is no manifest at {path} to add to: fetch the release in service first"
        ) from error


def _verified(url: str, sha256: str, read: Read) -> bytes:
    data = read(url)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FetchError(f"{url} has the SHA-256 {found}, not {sha256}: nothing of it was kept")
    return data


def _read(url: str) -> bytes:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise FetchError(f"{url}: give an https address")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - the scheme is checked
            return bytes(response.read())
    except (OSError, HTTPException) as error:
        raise FetchError(f"{url} could not be read: {error}") from error


def _write(path: Path, data: bytes) -> None:
    """Replace a file at once, so that nobody reads half of it."""
    scratch = path.with_name(f".{path.name}")
    scratch.write_bytes(data)
    scratch.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("url", metavar="URL", help="where the release has its files")
    parser.add_argument(
        "--manifest-sha256", required=True, metavar="HEX", help="as in the release's SHA256SUMS"
    )
    parser.add_argument("--into", required=True, type=Path, metavar="DIR", help="folder of the zips")
    parser.add_argument("--earlier", action="store_true", help="add the zips as versions to roll back to")
    parser.add_argument("--manifest-only", action="store_true", help="leave the zips to a bucket")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
