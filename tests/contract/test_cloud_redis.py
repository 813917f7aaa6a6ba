"""The Redis that a local cloud runs beside itself."""

import os
import signal
import socket
import stat
import time

import pytest
import redis

from local_cloud import CloudFailed, LocalCloud
from local_cloud.__main__ import main


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with LocalCloud.start(state_dir=tmp_path_factory.mktemp("cloud"), redis_server=True) as running:
        yield running


def client(access, **more):
    return redis.Redis.from_url(access.url, **access.options() | {"socket_timeout": 2, "retry": None} | more)


def test_clients_connect_with_the_clouds_access_and_verify_the_certificate(cloud):
    assert client(cloud.redis).ping()
    if cloud.redis.tls:
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            client(cloud.redis, ssl_ca_certs=None).ping()


def test_password_is_for_the_owner_alone_and_in_nothing_that_is_shown(cloud, capsys):
    file = cloud.redis.password_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(["--state", str(cloud.state), "status"]) == 0
    shown = capsys.readouterr().out
    assert cloud.redis.description in shown
    assert cloud.redis.url in shown
    visible = shown + (cloud.state / "cloud.json").read_text() + (cloud.state / "proxy.log").read_text()
    assert file.read_text() not in visible


def test_tunnel_can_be_cut_and_opened(cloud):
    connected = client(cloud.redis)
    connected.ping()
    cloud.control("POST", "redis", state="cut")
    with pytest.raises(redis.ConnectionError):
        connected.ping()
    cloud.control("POST", "redis", state="open")
    assert connected.ping()


def test_tunnel_can_be_slow(cloud, capsys):
    connected = client(cloud.redis)
    connected.ping()
    assert main(["--state", str(cloud.state), "fault", "redis", "open", "--delay-ms", "100"]) == 0
    assert "delay 100 ms" in capsys.readouterr().out
    started = time.monotonic()
    assert connected.ping()
    assert time.monotonic() - started >= 0.2  # there and back
    cloud.control("POST", "redis", delay_ms=0)
    with pytest.raises(CloudFailed, match="delay_ms: -1; give a whole number from 0 to 60000"):
        cloud.control("POST", "redis", delay_ms=-1)


def test_fault_of_redis_ends_by_itself(cloud, capsys):
    assert main(["--state", str(cloud.state), "fault", "redis", "cut", "--seconds", "0.5"]) == 0
    assert "The tunnel to Redis is cut" in capsys.readouterr().out
    with pytest.raises(redis.ConnectionError):
        client(cloud.redis).ping()
    time.sleep(0.6)
    assert client(cloud.redis).ping()

    cloud.control("POST", "redis", server="suspend", seconds=1)
    assert client(cloud.redis, socket_timeout=10).ping()


def test_server_can_be_suspended_and_started_again_empty(cloud):
    connected = client(cloud.redis, socket_timeout=0.3)
    connected.set("key", "value")
    cloud.control("POST", "redis", server="suspend")
    with pytest.raises(redis.TimeoutError):
        connected.ping()
    cloud.control("POST", "redis", server="resume")
    assert connected.get("key") == b"value"
    assert main(["--state", str(cloud.state), "fault", "redis", "restart"]) == 0
    assert client(cloud.redis).get("key") is None
    with pytest.raises(CloudFailed, match="server: 'stop'; give suspend, resume, restart"):
        cloud.control("POST", "redis", server="stop")


def test_password_and_port_stay_when_the_cloud_is_started_again(tmp_path):
    runs = []
    for _ in range(2):
        port = runs[0][0] if runs else 0
        with LocalCloud.start(state_dir=tmp_path, redis_server=True, redis_port=port) as cloud:
            runs.append((cloud.redis.port, cloud.redis.password_file.read_text()))
            assert client(cloud.redis).ping()
    assert runs[0] == runs[1]


def test_server_ends_with_the_cloud_even_when_that_is_killed(tmp_path):
    cloud = LocalCloud.start(state_dir=tmp_path, redis_server=True)
    pid = cloud.control("GET", "status")["pid"]
    served = client(cloud.redis).info("server")["process_id"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(served, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the server outlived its cloud")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", cloud.redis.port))
