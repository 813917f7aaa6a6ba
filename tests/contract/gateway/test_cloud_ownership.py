"""A state folder belongs to the cloud that holds its lock, whether or not that cloud answers."""

from __future__ import annotations

import os
import signal
import time
from urllib.parse import urlsplit

import pytest

from local_cloud import CloudFailed, LocalCloud, stack, state_lock
from local_cloud.settings import STATE_FILE

pytestmark = pytest.mark.local_only("it tests the local cloud's own processes")


@pytest.fixture
def running(tmp_path):
    with LocalCloud.start(state_dir=tmp_path / "up" / "cloud", persist=True) as cloud:
        yield cloud


@pytest.fixture
def suspended(running):
    """A cloud that answers nothing, as on a machine that sleeps or swaps."""
    pid = running.control("GET", "status")["pid"]
    os.kill(pid, signal.SIGSTOP)
    yield running
    os.kill(pid, signal.SIGCONT)


def test_cloud_that_does_not_answer_is_found_and_keeps_its_folder(suspended, monkeypatch, tmp_path):
    found = LocalCloud.find(suspended.state)
    assert found is not None
    assert found.endpoint == suspended.endpoint

    with pytest.raises(CloudFailed, match="is running at http"):
        LocalCloud.start(state_dir=suspended.state, fresh=True)

    assert (suspended.state / "emulator").is_dir()


def test_cloud_is_found_and_controlled_behind_a_proxy_that_does_not_know_it(running, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    found = LocalCloud.find(running.state)

    assert found is not None
    assert found.control("GET", "status")["port"] == urlsplit(running.endpoint).port


def test_folder_of_a_cloud_that_starts_is_not_cleared(monkeypatch, tmp_path):
    """Nothing is written yet that says where it will be."""
    monkeypatch.setattr(stack, "STATE", tmp_path)
    kept = tmp_path / "up" / "cloud" / "kept"
    with state_lock.holding(tmp_path / "up" / "cloud"):
        kept.touch()

        with pytest.raises(CloudFailed, match=r"is starting or stopping: stop it first .*--state .* down"):
            stack.bring_up()

        assert kept.exists()


def test_note_of_a_cloud_that_was_killed_is_no_running_cloud(tmp_path):
    """Another process may have its number by now."""
    (tmp_path / STATE_FILE).write_text(
        f'{{"pid": {os.getpid()}, "endpoint": "http://127.0.0.1:1", "port": 1, "region": "x", "state": "x"}}'
    )

    assert LocalCloud.find(tmp_path) is None


def test_lock_ends_with_its_holder(tmp_path):
    with state_lock.holding(tmp_path):
        assert state_lock.is_held(tmp_path)
        with pytest.raises(CloudFailed, match="another local cloud"), state_lock.holding(tmp_path):
            pytest.fail("two hold one lock")

    assert not state_lock.is_held(tmp_path)


def test_killed_cloud_leaves_its_folder_free(tmp_path):
    cloud = LocalCloud.start(state_dir=tmp_path, persist=True)
    os.kill(cloud.control("GET", "status")["pid"], signal.SIGKILL)

    deadline = time.monotonic() + 20
    while LocalCloud.find(tmp_path) is not None and time.monotonic() < deadline:
        time.sleep(0.05)

    with LocalCloud.start(state_dir=tmp_path, persist=True) as again:
        assert again.control("GET", "status")["connections"] == 0
