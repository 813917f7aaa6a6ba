"""A port that another process takes between the look at it and the start of the local cloud."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from local_cloud import stack
from local_cloud.settings import CloudFailed


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_deploy_starts_again_on_a_free_port_if_its_own_was_taken_meanwhile(tmp_path, monkeypatch, taken):
    choices = iter([taken])
    choose = stack._choose_port
    monkeypatch.setattr(stack, "_choose_port", lambda port: next(choices, None) or choose(port))
    monkeypatch.setattr(stack, "_prepare", lambda run, ports, progress: run.mkdir())
    started = []

    def start(*, port, **_options):
        started.append(port)
        if port == taken:
            raise CloudFailed(f"port {port} is taken")
        return SimpleNamespace(port=port)

    monkeypatch.setattr(stack.LocalCloud, "start", start)
    progress = []

    cloud = stack._deploy(tmp_path / "run", taken, redis=False, progress=progress.append)

    assert started == [taken, cloud.port]
    assert cloud.port != taken
    assert progress == ["another process took the port; starting again on a free one"]


def test_deploy_raises_what_failed_for_another_reason(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise CloudFailed("Terraform failed")

    monkeypatch.setattr(stack, "_prepare", fail)

    with pytest.raises(CloudFailed, match="Terraform failed"):
        stack._deploy(tmp_path / "run", 0, redis=False, progress=print)
