"""The Redis server of the local cloud: a real one with a password, which tests can suspend and kill."""

import signal
import socket
import subprocess
import sys
import time

import pytest
import redis

from local_cloud.redis import RedisServer, find_program


@pytest.fixture
def server(tmp_path):
    with RedisServer.start(tmp_path) as running:
        yield running


def client(server, **options):
    trusted = {"ssl_ca_certs": server.authorities} if server.authorities else {}
    return redis.Redis.from_url(server.url, **{"password": server.password} | trusted | options)


def test_server_takes_the_password_and_only_it(server):
    assert client(server).ping()
    with pytest.raises(redis.AuthenticationError):
        client(server, password="wrong").ping()
    with pytest.raises(redis.AuthenticationError):
        client(server, password=None).ping()


def test_certificate_is_verified(server):
    if server.authorities is None:
        pytest.skip("redis-server on this machine speaks no TLS: apt install redis-server")
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        client(server, ssl_ca_certs=None).ping()


def test_paused_server_answers_nothing_until_it_is_resumed(server):
    connected = client(server, socket_timeout=0.3)
    connected.ping()
    server.pause()
    with pytest.raises(redis.TimeoutError):
        connected.ping()
    server.resume()
    assert connected.ping()


def test_killed_server_comes_back_empty_at_the_same_place(server):
    client(server).set("key", "value")
    server.kill()
    with pytest.raises(redis.ConnectionError):
        client(server).ping()
    server.run()
    assert client(server).get("key") is None


def test_nothing_is_evicted(server):
    assert client(server).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_server_ends_with_its_owner_even_when_that_is_killed(tmp_path):
    code = (
        "import pathlib, sys, time; from local_cloud.redis import RedisServer; "
        "print(RedisServer.start(pathlib.Path(sys.argv[1])).port, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    port = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise AssertionError("the server outlived its owner")


@pytest.mark.parametrize("name", ["with spaces and Ümläute", 'a "quoted" \\ folder', "it's $HOME #1"])
def test_server_starts_in_any_folder(tmp_path, name):
    with RedisServer.start(tmp_path / name) as server:
        assert client(server).ping()
        assert client(server).config_get("dir")["dir"] == str(tmp_path / name)


def test_program_names_its_version():
    program = find_program()
    assert program.version.split()[0] in {"Redis", "Valkey"}
