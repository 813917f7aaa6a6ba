"""The lean client, against a real server with TLS and a password."""

import threading
import time

import pytest

from realtime_core.errors import SettingsInvalid, StoreUnavailable
from realtime_core.redis.client import RedisClient, Script
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.login import Login, SecretCredentials
from realtime_core.redis.settings import RedisAddress, parse_redis_url
from tests.contract.ports.clouds import moto_client
from tests.contract.ports.index_harness import operator, redis_client


@pytest.fixture
def client(redis_server):
    made = redis_client(redis_server)
    yield made
    made.close()


def reason(call):
    with pytest.raises(RedisFault) as raised:
        call()
    assert isinstance(raised.value, StoreUnavailable)
    return raised.value.reason


def test_replies_come_in_order_as_text(client):
    commands = [("SET", "a", 1), ("GET", "a"), ("GET", "none"), ("MGET", "a", "none"), ("HGETALL", "none")]
    assert client.ask(commands) == ["OK", "1", None, ["1", None], []]
    assert client.ask([]) == []
    assert client.ask([("SET", "ü", b"\xff"), ("GET", "ü")])[1] == "\udcff"


def test_large_answers_and_questions_arrive_whole(client):
    ids = [f"L0SM{n:08}Ihw=" for n in range(50_000)]
    client.ask([("RPUSH", "many", *ids[n : n + 1000]) for n in range(0, 50_000, 1000)])
    assert client.ask([("LRANGE", "many", 0, -1)] * 3) == [ids] * 3


def test_refused_command_names_its_reason_and_not_its_values(client):
    with pytest.raises(RedisFault) as raised:
        client.ask([("SET", "a", "between us"), ("INCR", "a"), ("PING",)])
    assert raised.value.reason == "error"
    assert str(raised.value) == "Redis: refused with ERR"
    assert client.ask([("PING",)]) == ["PONG"], "it goes on"


def test_script_is_known_to_every_connection(redis_server):
    double = Script("return {KEYS[1], ARGV[1] + ARGV[1]}")
    client = redis_client(redis_server, [double])
    assert client.ask([double.call(["k"], [21]), ("PING",)]) == [["k", 42], "PONG"]
    client.close()
    assert client.ask([double.call(["k"], [1])]) == [["k", 2]]
    with operator(redis_server) as redis:
        redis.script_flush()
    assert reason(lambda: client.ask([double.call(["k"], [1])])) == "no_script"
    assert client.ask([double.call(["k"], [1])]) == [["k", 2]]
    client.close()


def test_login_by_name_and_password(redis_server, client):
    with operator(redis_server) as redis:
        redis.acl_setuser(
            "reader", enabled=True, passwords=["+secret"], keys=["deals:*"], commands=["+get", "+ping"]
        )
    try:
        client._logins.login = lambda: Login("reader", "secret")
        assert client.ask([("GET", "deals:x")]) == [None]
        assert reason(lambda: client.ask([("SET", "deals:x", "1")])) == "login"
        client._logins.login = lambda: Login("reader", "wrong")
        assert reason(lambda: client.ask([("PING",)])) == "login"
        client._logins.login = lambda: Login(None, None)
        assert reason(lambda: client.ask([("PING",)])) == "login"
    finally:
        with operator(redis_server) as redis:
            redis.acl_deluser("reader")


def test_password_that_cannot_be_had_is_a_fault_of_redis(cloud, redis_server):
    """Whoever can do without Redis does without it then."""
    manager = moto_client("secretsmanager", attempts=1)
    credentials_provider = SecretCredentials(
        manager, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:none"
    )
    client = RedisClient(parse_redis_url(redis_server.url), credentials_provider)
    assert reason(lambda: client.ask([("PING",)])) == "login"

    def invalid():
        raise SettingsInvalid("the secret holds no password")

    client._logins.login = invalid
    assert reason(lambda: client.ask([("PING",)])) == "login"


def test_server_that_nobody_vouches_for_is_not_spoken_to(redis_server, monkeypatch):
    if not redis_server.authorities:
        pytest.skip("this machine's redis-server speaks no TLS: apt install redis-server")
    monkeypatch.delenv("AWS_CA_BUNDLE")
    assert reason(lambda: redis_client(redis_server).ask([("PING",)])) == "tls"


def test_server_that_is_another_than_it_says_is_not_spoken_to(redis_server):
    if not redis_server.authorities:
        pytest.skip("this machine's redis-server speaks no TLS: apt install redis-server")
    client = redis_client(redis_server)
    client._address = RedisAddress("127.0.0.2", redis_server.port, tls=True)
    assert reason(lambda: client.ask([("PING",)])) in {"tls", "refused"}


def test_where_nobody_listens_is_told_at_once():
    client = RedisClient(RedisAddress("127.0.0.1", 9, tls=False), None)
    client._logins = type("None", (), {"login": lambda self: Login(None, None)})()
    assert reason(lambda: client.ask([("PING",)])) == "refused"


def test_host_that_has_no_address_is_a_fault(monkeypatch):
    client = RedisClient(RedisAddress("no-such-host.invalid", 6379, tls=False), None)
    client._logins = type("None", (), {"login": lambda self: Login(None, None)})()
    assert reason(lambda: client.ask([("PING",)])) == "closed"


def test_silence_is_not_waited_for_longer_than_half_a_second(own_redis):
    client = redis_client(own_redis)
    client.ask([("PING",)])
    own_redis.pause()
    for _ in range(2):  # connected, and not
        started = time.monotonic()
        assert reason(lambda: client.ask([("PING",)])) == "timeout"
        assert time.monotonic() - started < 0.9
    own_redis.resume()
    assert client.ask([("PING",)]) == ["PONG"]
    client.close()


def test_late_answer_is_not_taken_for_that_of_the_next_question(own_redis):
    client = redis_client(own_redis)
    client.ask([("SET", "a", "old"), ("SET", "b", "new")])
    own_redis.pause()
    reason(lambda: client.ask([("GET", "a")]))
    own_redis.resume()
    assert client.ask([("GET", "b")]) == ["new"]
    client.close()


def test_threads_share_a_client_and_each_gets_its_own_answers(client):
    failures = []

    def work(number):
        for turn in range(50):
            text = f"{number}-{turn}"
            if client.ask([("ECHO", text), ("ECHO", text)]) != [text, text]:
                failures.append(text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_connection_that_the_server_closed_is_opened_anew(client, redis_server):
    client.ask([("PING",)])
    with operator(redis_server) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)
    assert client.ask([("PING",)]) == ["PONG"]
