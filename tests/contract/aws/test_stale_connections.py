"""Pooled connections that died, as they do while a function is frozen: calls of one attempt succeed."""

import select
from concurrent.futures import ThreadPoolExecutor

import pytest

from realtime_core.aws import backoff, http
from realtime_core.aws.client import client, connect_ahead
from realtime_core.aws.errors import Unreachable
from tests.contract.support.dying_service import ENDINGS, dying_service_by

POOLED = 6
LARGE = {"pk": {"S": "x" * 4_000_000}}
"""More than the sockets' buffers take, so that a call is still sending when the connection ends."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """A call of one attempt makes no pause; one that counts a stale connection as an attempt would."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    slept = []
    monkeypatch.setattr(backoff.time, "sleep", slept.append)
    yield
    assert slept == []


@pytest.fixture(params=["tls", "plain"])
def service(request, tmp_path, monkeypatch):
    with dying_service_by(request.param, tmp_path, monkeypatch) as serving:
        serving.url = f"http{'s' * serving.is_tls}://127.0.0.1:{serving.port}"
        yield serving


@pytest.fixture
def dynamodb(service):
    return client("dynamodb", region_name="eu-west-1", endpoint_url=service.url, attempts=1, read_timeout=0.5)


def get(dynamodb, key=None):
    return dynamodb.get_item(TableName="t", Key=key or {})


def fill_pool(service, dynamodb, count=POOLED):
    """Make calls at once, which leave as many connections in the pool."""
    service.together = count
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(lambda _: get(dynamodb), range(count)))
    assert service.connections == count


def test_no_more_than_twenty_connections_stay_idle(service, dynamodb):
    fill_pool(service, dynamodb, http.IDLE_MAX + 5)
    service.together = http.IDLE_MAX
    with ThreadPoolExecutor(http.IDLE_MAX) as threads:
        list(threads.map(lambda _: get(dynamodb), range(http.IDLE_MAX)))
    assert service.connections == http.IDLE_MAX + 5, "twenty of them served again"
    fill_pool_beyond = http.IDLE_MAX + 3
    service.together = fill_pool_beyond
    with ThreadPoolExecutor(fill_pool_beyond) as threads:
        list(threads.map(lambda _: get(dynamodb), range(fill_pool_beyond)))
    assert service.connections == http.IDLE_MAX + 5 + 3, "the five others were closed"


@pytest.mark.parametrize("ending", ENDINGS)
def test_connections_that_ended_while_idle_get_no_request(service, dynamodb, ending):
    fill_pool(service, dynamodb)
    service.end_idle(ending)

    assert get(dynamodb) == {}
    assert (service.connections, service.requests) == (POOLED + 1, POOLED + 1)


@pytest.mark.parametrize("key", [{}, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_connections_whose_end_went_unnoticed_cost_no_attempt(service, dynamodb, ending, key):
    fill_pool(service, dynamodb)
    service.end_at_next_request(ending)

    assert get(dynamodb, key) == {}
    # The first shows that the others, which were idle for as long, are no better: one more is opened.
    assert service.connections == POOLED + 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_started_call_on_a_connection_whose_end_went_unnoticed_costs_no_attempt(service, dynamodb, ending):
    fill_pool(service, dynamodb, 1)
    service.end_at_next_request(ending)

    started = dynamodb.start("GetItem", {"TableName": "t", "Key": {}})

    assert started.result() == {}
    assert service.connections == 2


def test_started_calls_are_under_way_together(service, dynamodb):
    service.together = 3
    started = [dynamodb.start("GetItem", {"TableName": "t", "Key": {}}) for _ in range(3)]
    assert [call.result() for call in started] == [{}, {}, {}]
    assert (service.connections, service.requests) == (3, 3)


def test_discarded_call_gives_its_connection_back_if_the_response_has_come(service, dynamodb):
    get(dynamodb)
    sent_on = dynamodb._http.send(dynamodb._request("GetItem", b"{}"))
    assert select.select([sent_on._socket], [], [], 10)[0]

    dynamodb._http.discard(sent_on)

    assert get(dynamodb) == {}
    assert (service.connections, service.requests) == (1, 3)


def test_discarded_call_closes_its_connection_rather_than_wait(service, dynamodb):
    fill_pool(service, dynamodb)
    service.end_at_next_request("hang")

    dynamodb.start("GetItem", {"TableName": "t", "Key": {}}).discard()
    service.end_at_next_request(None)

    assert get(dynamodb) == {}
    assert service.connections == POOLED, "those that are still idle are as good as before"


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 408 Request Timeout\r\n", b"x"])
def test_connection_that_received_what_nobody_asked_for_gets_no_request(service, dynamodb, unasked):
    fill_pool(service, dynamodb, 1)
    service.send_unasked(unasked)

    assert get(dynamodb) == {}
    assert service.connections == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_connection_opened_ahead_that_ended_costs_no_attempt(service, dynamodb, ending):
    connect_ahead(dynamodb)
    connect_ahead(dynamodb)
    service.wait_for_connections(2)
    service.end_idle(ending)

    assert get(dynamodb) == {}
    assert (service.connections, service.requests) == (3, 1)


def test_live_connections_are_reused_however_often_they_are_looked_at(service, dynamodb):
    """TLS 1.3 sends session tickets unasked: they do not mean that the connection has ended."""
    connect_ahead(dynamodb)
    for _ in range(5):
        assert get(dynamodb) == {}
    assert (service.connections, service.requests) == (1, 5)


def test_new_connection_that_ends_fails_the_attempt(service, dynamodb):
    service.response = b""

    def end_soon():
        assert service.received.wait(5)
        service.end_idle("reset")

    with ThreadPoolExecutor(1) as threads:
        threads.submit(end_soon)
        with pytest.raises(Unreachable):
            get(dynamodb)
    assert service.requests == 1


def test_connection_that_stays_silent_fails_the_attempt_and_is_not_followed_by_another(service, dynamodb):
    fill_pool(service, dynamodb)
    service.end_at_next_request("hang")

    with pytest.raises(Unreachable, match="timed out"):
        get(dynamodb)
    assert get(dynamodb) == {}
    assert service.connections == POOLED + 1


@pytest.mark.parametrize(
    ("passed", "opened"), [(http.IDLE_SECONDS_MAX - 1, 1), (http.IDLE_SECONDS_MAX, 2), (-1.0, 2)]
)
def test_connection_is_used_until_it_was_idle_for_too_long(service, dynamodb, monkeypatch, passed, opened):
    """By the time of day, and with a clock that was set back the age is unknown."""
    get(dynamodb)
    now = http.time.time() + passed
    monkeypatch.setattr(http.time, "time", lambda: now)

    assert get(dynamodb) == {}
    assert service.connections == opened
