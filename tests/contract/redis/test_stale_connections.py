"""A connection to Redis that died while the function was frozen: the pipeline goes out on a new one."""

import pytest

from realtime_core.redis import client as module
from realtime_core.redis.client import RedisClient
from realtime_core.redis.credentials import NoCredentials
from realtime_core.redis.errors import RedisFault
from realtime_core.redis.settings import RedisAddress
from tests.contract.support.dying_service import ENDINGS, dying_service_by

PING = [("PING",)]
LARGE = [("SET", "a", "x" * 8_000_000), ("PING",)]
"""More than the sockets' buffers take."""


@pytest.fixture(params=["tls", "plain"])
def service(request, tmp_path, monkeypatch):
    with dying_service_by(request.param, tmp_path, monkeypatch) as serving:
        serving.is_whole = lambda received: received.endswith(b"PING\r\n")
        serving.response = b"+PONG\r\n"
        yield serving


@pytest.fixture
def redis(service, monkeypatch):
    """A client that waits long enough for a busy machine."""
    monkeypatch.setattr(module, "CONNECT_SECONDS", 5.0)
    monkeypatch.setattr(module, "READ_SECONDS", 5.0)
    address = RedisAddress("127.0.0.1", service.port, service.is_tls)
    client = RedisClient(address, NoCredentials(), reply_seconds=5.0)
    yield client
    client.close()


def execute(redis, commands=PING):
    return redis.execute(commands)[-1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_connection_that_ended_while_idle_is_replaced_before_its_use(service, redis, ending):
    execute(redis)
    service.end_idle(ending)

    assert execute(redis) == "PONG"
    assert (service.connections, service.requests) == (2, 2)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_connection_whose_end_went_unnoticed_is_replaced_once(service, redis, ending, large):
    execute(redis)
    service.end_at_next_request(ending)
    if large:
        service.response = b"+OK\r\n+PONG\r\n"

    assert execute(redis, LARGE if large else PING) == "PONG"
    assert service.connections == 2


def test_new_connection_that_ends_is_a_fault_of_the_connection_not_of_tls(service, redis):
    service.response, service.closes = b"", True

    with pytest.raises(RedisFault) as raised:
        execute(redis)
    assert raised.value.reason == "closed"
    assert service.connections == 1


def test_connection_that_ends_inside_a_reply_is_a_fault(service, redis):
    execute(redis)
    service.response, service.closes = b"+PO", True

    with pytest.raises(RedisFault) as raised:
        execute(redis)
    assert raised.value.reason == "closed"
    assert (service.connections, service.requests) == (1, 2)


def test_connection_that_stays_silent_is_a_fault(service, redis, monkeypatch):
    monkeypatch.setattr(module, "READ_SECONDS", 0.5)
    execute(redis)
    service.end_at_next_request("hang")

    with pytest.raises(RedisFault) as raised:
        execute(redis)
    assert raised.value.reason == "timeout"
    assert service.connections == 1


def test_reply_that_nobody_asked_for_is_not_taken_for_the_next(service, redis):
    execute(redis)
    service.send_unasked(b"+NO\r\n")

    assert execute(redis) == "PONG"
    assert service.connections == 2


def test_connection_without_a_login_is_kept_with_tickets_of_tls_unread(service, redis):
    """A server may send TLS session tickets at any time: they do not mean that the connection has ended."""
    for _ in range(5):
        assert execute(redis) == "PONG"
    assert service.connections == 1


@pytest.mark.parametrize(
    ("passed", "opened"), [(module.IDLE_SECONDS_MAX - 1, 1), (module.IDLE_SECONDS_MAX, 2), (-1.0, 2)]
)
def test_connection_is_used_until_it_was_idle_for_too_long(service, redis, monkeypatch, passed, opened):
    execute(redis)
    now = module.time.time() + passed
    monkeypatch.setattr(module.time, "time", lambda: now)

    assert execute(redis) == "PONG"
    assert service.connections == opened
