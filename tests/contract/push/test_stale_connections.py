"""Connections of the posting engine that died while the function was frozen: every post arrives at once."""

import pytest

from realtime_core.aws import backoff
from realtime_core.push.management_api import pool
from realtime_core.push.management_api.batch import Timeouts
from realtime_core.push.management_api.client import ManagementApiClient
from tests.contract.support.dying_service import ENDINGS, dying_service_by
from tests.contract.support.scripted_service import answer

IDS = tuple(f"L0SM{number:08}FvHc=" for number in range(40))
LONG_PAUSES = Timeouts(answer_seconds=1.0, retry_base_seconds=600.0, retry_cap_seconds=600.0)
"""A post that had to pause before another attempt would be out of time."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(backoff, "jitter", lambda: 1.0)


@pytest.fixture(params=["tls", "plain"])
def service(request, tmp_path, monkeypatch):
    with dying_service_by(request.param, tmp_path, monkeypatch) as serving:
        serving.url = f"http{'s' * serving.is_tls}://127.0.0.1:{serving.port}/live"
        serving.response = answer(b"")
        yield serving


@pytest.fixture
def management_api(service):
    return ManagementApiClient(service.url, timeouts=LONG_PAUSES)


def fill_pool(service, management_api):
    """Post so that several connections stay open."""
    service.together = 8
    assert management_api.post("{}", IDS, 5.0).delivered == IDS
    assert service.connections >= 8


@pytest.mark.parametrize("ending", ENDINGS)
def test_connections_that_ended_while_idle_get_no_post(service, management_api, ending):
    fill_pool(service, management_api)
    service.end_idle(ending)

    report = management_api.post("{}", IDS, 5.0)
    assert (report.delivered, report.answers_lost) == (IDS, 0)


@pytest.mark.parametrize("ending", ENDINGS)
def test_posts_on_connections_whose_end_went_unnoticed_go_out_again_without_a_pause(
    service, management_api, ending
):
    fill_pool(service, management_api)
    service.end_at_next_request(ending)

    report = management_api.post("{}", IDS, 5.0)
    assert report.delivered == IDS
    # The service may have acted on a post whose connection ended.
    assert 0 < report.answers_lost <= pool.size_for(len(IDS))


def test_posts_on_new_connections_that_end_pause_before_they_go_out_again(service, management_api):
    service.response = b"HTTP/1.1 "
    service.closes = True

    report = management_api.post("{}", IDS[:1], 2.0)
    assert report.unsent == IDS[:1]
    assert service.requests == 1


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 408 Request Timeout\r\n", b"x"])
def test_connections_that_received_what_nobody_asked_for_get_no_post(service, management_api, unasked):
    fill_pool(service, management_api)
    service.send_unasked(unasked)

    assert management_api.post("{}", IDS, 5.0).delivered == IDS


@pytest.mark.parametrize(
    ("passed", "reused"),
    [(pool.IDLE_SECONDS_MAX - 1, True), (pool.IDLE_SECONDS_MAX + 1, False), (-1.0, False)],
)
def test_connections_are_used_until_they_were_idle_for_too_long(
    service, management_api, monkeypatch, passed, reused
):
    """By the time of day, and with a clock that was set back the age is unknown."""
    management_api.connect_ahead()
    now = pool.time.time() + passed
    monkeypatch.setattr(pool.time, "time", lambda: now)

    assert management_api.post("{}", IDS[:1], 5.0).delivered == IDS[:1]
    assert service.connections == (1 if reused else 2)
