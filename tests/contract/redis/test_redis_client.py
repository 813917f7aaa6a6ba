"""`RedisClient`, with a real server that requires TLS and a password."""

import threading
import time

import pytest

from realtime_core.errors import SettingsInvalid, StoreUnavailable
from realtime_core.redis.client import RedisClient, Script
from realtime_core.redis.credentials import RedisCredentials, SecretCredentials
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.settings import RedisAddress, parse_redis_url
from tests.contract.support.index_harness import operator, redis_client
from tests.contract.support.watched_clients import aws_client


@pytest.fixture
def client(redis_server):
    client = redis_client(redis_server)
    yield client
    client.close()


def reason(call):
    with pytest.raises(RedisFault) as raised:
        call()
    assert isinstance(raised.value, StoreUnavailable)
    return raised.value.reason


def test_execute_returns_replies_in_order_as_text(client):
    commands = [("SET", "a", 1), ("GET", "a"), ("GET", "none"), ("MGET", "a", "none"), ("HGETALL", "none")]
    assert client.execute(commands) == ["OK", "1", None, ["1", None], []]
    assert client.execute([]) == []
    assert client.execute([("SET", "ü", b"\xff"), ("GET", "ü")])[1] == "\udcff"


def test_execute_sends_large_commands_and_reads_large_replies(client):
    ids = [f"L0SM{n:08}Ihw=" for n in range(50_000)]
    client.execute([("RPUSH", "many", *ids[n : n + 1000]) for n in range(0, 50_000, 1000)])
    assert client.execute([("LRANGE", "many", 0, -1)] * 3) == [ids] * 3


def test_rejected_command_raises_with_its_reason_but_not_its_values(client):
    with pytest.raises(RedisFault) as raised:
        client.execute([("SET", "a", "between us"), ("INCR", "a"), ("PING",)])
    assert raised.value.reason == "error"
    assert str(raised.value) == "Redis: refused with ERR"
    assert client.execute([("PING",)]) == ["PONG"], "the client stays usable"


def test_every_connection_loads_the_scripts(redis_server):
    double = Script("return {KEYS[1], ARGV[1] + ARGV[1]}")
    client = redis_client(redis_server, [double])
    assert client.execute([double.call(["k"], [21]), ("PING",)]) == [["k", 42], "PONG"]
    client.close()
    assert client.execute([double.call(["k"], [1])]) == [["k", 2]]
    with operator(redis_server) as redis:
        redis.script_flush()
    assert reason(lambda: client.execute([double.call(["k"], [1])])) == "no_script"
    assert client.execute([double.call(["k"], [1])]) == [["k", 2]]
    client.close()


def test_client_authenticates_with_username_and_password(redis_server, client):
    with operator(redis_server) as redis:
        redis.acl_setuser(
            "reader", enabled=True, passwords=["+secret"], keys=["deals:*"], commands=["+get", "+ping"]
        )
    try:
        client._credentials_provider.credentials = lambda: RedisCredentials("reader", "secret")
        assert client.execute([("GET", "deals:x")]) == [None]
        assert reason(lambda: client.execute([("SET", "deals:x", "1")])) == "login"
        client._credentials_provider.credentials = lambda: RedisCredentials("reader", "wrong")
        assert reason(lambda: client.execute([("PING",)])) == "login"
        client._credentials_provider.credentials = lambda: RedisCredentials(None, None)
        assert reason(lambda: client.execute([("PING",)])) == "login"
    finally:
        with operator(redis_server) as redis:
            redis.acl_deluser("reader")


def test_missing_password_is_a_fault_of_redis(cloud, redis_server):
    """So callers that can do without Redis continue."""
    manager = aws_client("secretsmanager", attempts=1)
    credentials_provider = SecretCredentials(
        manager, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:none"
    )
    client = RedisClient(parse_redis_url(redis_server.url), credentials_provider)
    assert reason(lambda: client.execute([("PING",)])) == "login"

    def invalid():
        raise SettingsInvalid("the secret holds no password")

    client._credentials_provider.credentials = invalid
    assert reason(lambda: client.execute([("PING",)])) == "login"


def test_server_with_an_untrusted_certificate_is_rejected(redis_server, monkeypatch):
    if not redis_server.authorities:
        pytest.skip("this machine's redis-server speaks no TLS: apt install redis-server")
    monkeypatch.delenv("AWS_CA_BUNDLE")
    assert reason(lambda: redis_client(redis_server).execute([("PING",)])) == "tls"


def test_server_with_a_certificate_of_another_name_is_rejected(redis_server):
    if not redis_server.authorities:
        pytest.skip("this machine's redis-server speaks no TLS: apt install redis-server")
    client = redis_client(redis_server)
    client._address = RedisAddress("127.0.0.2", redis_server.port, tls=True)
    assert reason(lambda: client.execute([("PING",)])) in {"tls", "refused"}


def test_closed_port_raises_refused():
    client = RedisClient(RedisAddress("127.0.0.1", 9, tls=False), None)
    client._credentials_provider = type(
        "None", (), {"credentials": lambda self: RedisCredentials(None, None)}
    )()
    assert reason(lambda: client.execute([("PING",)])) == "refused"


def test_host_without_an_address_raises_closed(monkeypatch):
    client = RedisClient(RedisAddress("no-such-host.invalid", 6379, tls=False), None)
    client._credentials_provider = type(
        "None", (), {"credentials": lambda self: RedisCredentials(None, None)}
    )()
    assert reason(lambda: client.execute([("PING",)])) == "closed"


def test_silent_server_raises_timeout_within_a_second(own_redis):
    client = redis_client(own_redis)
    client.execute([("PING",)])
    own_redis.pause()
    for _ in range(2):  # connected, and not
        started = time.monotonic()
        assert reason(lambda: client.execute([("PING",)])) == "timeout"
        assert time.monotonic() - started < 0.9
    own_redis.resume()
    assert client.execute([("PING",)]) == ["PONG"]
    client.close()


def test_late_reply_is_not_used_for_the_next_command(own_redis):
    client = redis_client(own_redis)
    client.execute([("SET", "a", "old"), ("SET", "b", "new")])
    own_redis.pause()
    reason(lambda: client.execute([("GET", "a")]))
    own_redis.resume()
    assert client.execute([("GET", "b")]) == ["new"]
    client.close()


def test_threads_that_share_a_client_get_their_own_replies(client):
    failures = []

    def work(number):
        for turn in range(50):
            text = f"{number}-{turn}"
            if client.execute([("ECHO", text), ("ECHO", text)]) != [text, text]:
                failures.append(text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_connection_that_the_server_closed_is_reopened(client, redis_server):
    client.execute([("PING",)])
    with operator(redis_server) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)
    assert client.execute([("PING",)]) == ["PONG"]
