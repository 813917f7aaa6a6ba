"""The local cloud on a machine with a full disk, which it names, and on one without IPv6."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud import CloudFailed, LocalCloud, disk, snapshots
from local_cloud.settings import REPOSITORY


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        not shutil.which("mount")
        or run("mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)).returncode
    ):
        pytest.skip("only root may mount a small file system")
    yield folder
    run("umount", "--lazy", str(folder))


def fill(folder: Path) -> None:
    """Write until nothing more fits."""
    with pytest.raises(OSError, match="No space left") as failed:
        (folder / "filler").write_bytes(bytes(1_000_000))
    assert disk.is_full(failed.value)


def test_cloud_on_a_full_disk_says_so_and_starts_nothing(small_disk):
    fill(small_disk)

    with pytest.raises(CloudFailed, match=r"the disk of .* is full: 0 MB are free.*free some space"):
        LocalCloud.start(state_dir=small_disk / "cloud")

    assert not (small_disk / "cloud" / "proxy.log").exists()


def test_cloud_whose_disk_fills_up_at_its_start_says_so_too(small_disk, monkeypatch):
    """Another program may write the last bytes between the look and the start."""
    looks = []
    look = disk.require_room

    def pass_once(folder: Path) -> None:
        looks.append(folder)
        if len(looks) > 1:
            look(folder)

    monkeypatch.setattr("local_cloud.cloud.require_room", pass_once)
    fill(small_disk)

    with pytest.raises(CloudFailed, match="is full"):
        LocalCloud.start(state_dir=small_disk / "cloud")


def test_snapshot_that_does_not_fit_is_a_warning_and_leaves_nothing(small_disk, tmp_path):
    source = tmp_path / "run"
    source.mkdir()
    (source / "state").write_bytes(bytes(400_000))

    with pytest.warns(snapshots.NotKept, match="the disk is full: free some space"):
        snapshots.save(source, small_disk / "snapshots", "key")

    assert list((small_disk / "snapshots").iterdir()) == []
    assert not snapshots.restore(small_disk / "snapshots", "key", tmp_path / "restored")


def test_snapshot_that_does_not_fit_where_it_is_restored_names_the_disk(small_disk, tmp_path):
    kept = tmp_path / "snapshots" / "key"
    kept.mkdir(parents=True)
    (kept / "state").write_bytes(bytes(400_000))

    with pytest.raises(CloudFailed, match="the disk is full: free some space"):
        snapshots.restore(tmp_path / "snapshots", "key", small_disk / "run")

    assert not (small_disk / "run").exists()


def test_snapshot_that_fails_for_another_reason_still_fails(tmp_path):
    with pytest.raises(FileNotFoundError):
        snapshots.save(tmp_path / "nothing", tmp_path / "snapshots", "key")


CALL = """
import sys, pathlib, socket, urllib.request
from local_cloud import LocalCloud
try:
    socket.socket(socket.AF_INET6).bind(("::1", 0))
except OSError:
    pass
else:
    sys.exit("there is IPv6 here")
with LocalCloud.start(state_dir=pathlib.Path(sys.argv[1])) as cloud:
    for host in ("127.0.0.1", "localhost"):
        urllib.request.urlopen(f"http://{host}:{cloud.port}/_localstack/health", timeout=20).read()
    print("answered")
"""
# A network of its own, with nothing but a loopback that has no IPv6.
WITHOUT_IPV6 = """
import fcntl, socket, struct, os, sys
with socket.socket() as one:
    request = struct.pack("16sh14x", b"lo", 1 | 64)
    fcntl.ioctl(one, 0x8914, request)
os.system("for f in all lo; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done 2>/dev/null")
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""


def test_cloud_on_a_machine_without_ipv6_answers(tmp_path):
    if not shutil.which("unshare") or run("unshare", "--net", "true").returncode:
        pytest.skip("only root may make a network of its own")

    command = ["unshare", "--net", sys.executable, "-c", WITHOUT_IPV6, CALL, str(tmp_path / "cloud")]
    completed = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )

    if "there is IPv6 here" in completed.stderr:
        pytest.skip("this machine lets nobody switch IPv6 off")
    assert completed.stdout == "answered\n", completed.stderr
