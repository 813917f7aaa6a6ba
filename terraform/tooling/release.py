"""Downloads the pinned Terraform release, checks it against two checksums, and unpacks it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

from terraform.tooling.errors import ToolchainError

VERSION = "1.11.4"
RELEASES_URL = "https://releases.hashicorp.com/terraform"

# The archives' SHA-256 as published in 2025. A list downloaded with the archive would prove nothing if the
# site were compromised; these do not change with the site.
PINNED = {
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
}

BY_HAND = (
    f"Install Terraform {VERSION} or newer (or OpenTofu 1.11 or newer) by hand: put it on PATH, "
    "or set TERRAFORM to the binary's path"
)

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_TIMEOUT_SECONDS = 60


def current_platform() -> str:
    """Return this machine's platform as the releases name it, such as `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def fetch(
    directory: Path,
    base_url: str | None = None,
    pinned: Mapping[str, str] = PINNED,
    target: str | None = None,
) -> Path:
    """Download the pinned release into `directory` and return the binary's path.

    The archive must match both the published checksum and the pinned one. On any failure, raises
    ToolchainError and leaves `directory` as it was. `base_url` is the address of the releases site or of a
    copy of it (default: TERRAFORM_RELEASES_URL, else HashiCorp's).
    """
    target = target or current_platform()
    if target not in pinned:
        raise ToolchainError(f"No Terraform is pinned for {target}. {BY_HAND}")

    url = f"{(base_url or os.environ.get('TERRAFORM_RELEASES_URL') or RELEASES_URL).rstrip('/')}/{VERSION}"
    archive_name = f"terraform_{VERSION}_{target}.zip"
    existed = directory.is_dir()
    directory.mkdir(parents=True, exist_ok=True)

    try:
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            sums = Path(scratch, "SHA256SUMS")
            _download(f"{url}/terraform_{VERSION}_SHA256SUMS", sums)
            if _published(sums, archive_name) != pinned[target]:
                raise ToolchainError(
                    f"The checksum that {url} publishes for {archive_name} is not the pinned one; "
                    f"the site may have been tampered with. {BY_HAND}"
                )

            archive = Path(scratch, archive_name)
            _download(f"{url}/{archive_name}", archive)
            if _sha256(archive) != pinned[target]:
                raise ToolchainError(
                    f"{archive_name} from {url} does not match its checksum (cut short or altered); "
                    f"nothing was installed. Try again. {BY_HAND}"
                )
            return _unpack(archive, directory)
    finally:
        if not existed and not any(directory.iterdir()):
            directory.rmdir()


def _download(url: str, destination: Path) -> None:
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ToolchainError(f"TERRAFORM_RELEASES_URL must be an https address, not {url}")
    try:
        with (
            urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response,  # noqa: S310 (scheme is checked)
            destination.open("wb") as file,
        ):
            shutil.copyfileobj(response, file)
    except urllib.error.HTTPError as error:
        raise ToolchainError(f"{url} answered {error.code} {error.reason}. {BY_HAND}") from error
    except (OSError, HTTPException) as error:
        raise ToolchainError(f"{url} could not be read: {error}. {BY_HAND}") from error


def _published(sums: Path, archive_name: str) -> str:
    for line in sums.read_text("utf-8", errors="replace").splitlines():
        checksum, _, name = line.partition("  ")
        if name.strip() == archive_name:
            return checksum.strip().lower()
    raise ToolchainError(f"The published checksums do not list {archive_name}. {BY_HAND}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, directory: Path) -> Path:
    staged = archive.with_name("terraform")
    with (
        zipfile.ZipFile(archive) as contents,
        contents.open("terraform") as source,
        staged.open("wb") as file,
    ):
        shutil.copyfileobj(source, file)
    staged.chmod(0o755)
    return staged.replace(directory / "terraform")
