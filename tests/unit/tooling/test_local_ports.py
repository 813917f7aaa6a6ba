"""The ports of a local cloud: which it takes where others listen, and what it does if one is taken then."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from local_cloud import ports, stack
from local_cloud.ports import STEP, Ports, choose_port, list_steady
from local_cloud.settings import CloudFailed


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_deploy_starts_again_on_a_free_port_if_its_own_was_taken_meanwhile(tmp_path, monkeypatch, taken):
    choices = iter([taken])
    choose = stack.choose_port
    monkeypatch.setattr(stack, "choose_port", lambda candidates: next(choices, None) or choose(candidates))
    monkeypatch.setattr(stack, "_prepare", lambda run, ports, progress: run.mkdir())
    started = []

    def start(*, port, **_options):
        started.append(port)
        if port == taken:
            raise CloudFailed(f"port {port} is taken")
        return SimpleNamespace(port=port)

    monkeypatch.setattr(stack.LocalCloud, "start", start)
    progress = []

    cloud = stack._deploy(tmp_path / "run", [taken], redis=False, progress=progress.append)

    assert started == [taken, cloud.port]
    assert cloud.port != taken
    assert progress == ["another process took the port; starting again on a free one"]


def test_deploy_raises_what_failed_for_another_reason(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise CloudFailed("Terraform failed")

    monkeypatch.setattr(stack, "_prepare", fail)

    with pytest.raises(CloudFailed, match="Terraform failed"):
        stack._deploy(tmp_path / "run", [0], redis=False, progress=print)


def test_where_its_port_is_taken_a_run_takes_the_same_next_one_each_time(taken):
    candidates = list_steady(taken)

    chosen = {choose_port(candidates) for _ in range(3)}

    assert len(chosen) == 1
    assert chosen <= set(range(taken + STEP, taken + STEP * 10, STEP))


def test_ports_end_where_ports_end_and_any_free_one_serves():
    candidates = list_steady(65_530)

    assert list(candidates) == [65_530]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 65_530))
        other.listen()
        assert choose_port(candidates) not in {0, 65_530}


def test_machine_without_a_free_port_names_the_remedy(monkeypatch):
    monkeypatch.setattr(ports, "_find_free", lambda _: None)

    with pytest.raises(CloudFailed, match=r"^no port on 127\.0\.0\.1 is free: .*LOCAL_CLOUD_PORT="):
        choose_port([4566])


def test_redis_takes_the_next_free_port_after_the_proxys(taken):
    found = Ports.of(taken - 1, redis=True)

    assert found.proxy == taken - 1
    assert found.redis in range(taken + 1, taken + 10)
