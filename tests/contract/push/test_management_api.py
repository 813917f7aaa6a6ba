import time

import pytest

from realtime_core.aws import backoff
from realtime_core.errors import StoreUnavailable
from realtime_core.push.base import PostReport, ProbeReport
from realtime_core.push.management_api import client
from realtime_core.push.management_api.batch import Timeouts
from realtime_core.push.management_api.client import ManagementApiClient
from realtime_core.push.memory import MemoryManagementApi
from tests.contract.support.management_api import RESET, management_api

AMPLE_SECONDS = 10.0
SHORT_PAUSES = Timeouts(retry_base_seconds=0.001)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def served():
    with management_api() as both:
        yield both


@pytest.fixture(params=["gateway", "memory"])
def poster(request):
    """Return the port and the other side, with `answers` to give and what each connection `received`."""
    if request.param == "memory":
        memory = MemoryManagementApi()
        return memory, memory
    api, endpoint = request.getfixturevalue("served")
    return ManagementApiClient(endpoint, timeouts=SHORT_PAUSES), api


def test_post_reaches_every_connection_once(poster):
    port, other_side = poster
    ids = [f"L0SM{n}cOFvHcCIhw=" for n in range(30)]

    report = port.post('{"text":"schön 👋"}', ids, AMPLE_SECONDS)

    assert report == PostReport(delivered=tuple(ids))
    assert other_side.received == {connection_id: ['{"text":"schön 👋"}'] for connection_id in ids}


def test_post_to_nobody_reports_nobody(poster):
    port, _ = poster
    assert port.post("{}", [], AMPLE_SECONDS) == PostReport()


def test_post_to_an_id_given_twice_posts_once(poster):
    port, other_side = poster
    assert port.post("{}", ["a", "b", "a"], AMPLE_SECONDS) == PostReport(delivered=("a", "b"))
    assert other_side.received["a"] == ["{}"]


@pytest.mark.parametrize("passing", [429, 500, 502, 503, 504])
def test_post_is_retried_after_a_passing_error(poster, passing):
    port, other_side = poster
    other_side.answers["a"] = [passing, passing, passing, 200]

    assert port.post("{}", ["a", "b"], AMPLE_SECONDS)._replace(throttled=0) == PostReport(
        delivered=("a", "b")
    )
    assert other_side.received == {"a": ["{}"], "b": ["{}"]}


def test_post_sorts_every_id_into_exactly_one_place(poster):
    port, other_side = poster
    other_side.answers |= {
        "gone": [410],
        "gone later": [429, 410],
        "large": [413],
        "forbidden": [403],
        "bad": [400],
        "slow": [429, 503, 429, 200],
        "missing": [404],
        "forbidden too": [403],
    }

    report = port.post("{}", [*other_side.answers, "fine"], AMPLE_SECONDS)

    assert (report.delivered, report.gone) == (("slow", "fine"), ("gone", "gone later"))
    assert {name: reason[:3] for name, reason in report.refused.items()} == {"large": "413"}
    assert report.unsent == ("forbidden", "bad", "missing", "forbidden too")
    assert {reason[:3]: count for reason, count in report.unexpected.items()} == {
        "403": 2,
        "400": 1,
        "404": 1,
    }


@pytest.mark.parametrize("unexpected", [301, 400, 403, 404, 405])
def test_post_with_an_unexpected_answer_is_left_to_a_later_attempt(served, unexpected):
    """Whatever is wrong lasts longer than this attempt, and each try would cost a request of the quota."""
    api, endpoint = served
    api.answers["a"] = [unexpected, 200]

    report = ManagementApiClient(endpoint).post("{}", ["a"], AMPLE_SECONDS)

    assert (report.unsent, report.refused) == (("a",), {})
    assert api.requests == [("POST", "a")]


def test_post_that_never_succeeds_is_unsent_when_the_time_is_up(poster):
    port, other_side = poster
    other_side.answers["a"] = [503]

    started = time.monotonic()
    report = port.post("{}", ["a", "b"], 0.2)

    assert (report.delivered, report.unsent) == (("b",), ("a",))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("budget_seconds", [0, -1])
def test_post_without_time_sends_nothing(poster, budget_seconds):
    port, other_side = poster
    assert port.post("{}", ["a", "b"], budget_seconds) == PostReport(unsent=("a", "b"), untried=2)
    assert not other_side.received


def test_post_over_a_connection_that_breaks_is_retried(served):
    api, endpoint = served
    api.answers["a"] = [RESET, RESET, 200]

    report = ManagementApiClient(endpoint).post("{}", ["a"], AMPLE_SECONDS)

    assert report == PostReport(delivered=("a",), answers_lost=2)
    assert api.received["a"] == ["{}"]


def test_post_is_never_repeated_after_a_success(served):
    api, endpoint = served
    api.answers["a"] = [429, 500, 200, 200]

    ManagementApiClient(endpoint).post("{}", ["a"], AMPLE_SECONDS)

    assert api.requests == [("POST", "a")] * 3


def test_post_without_time_for_a_second_attempt_makes_one(served, monkeypatch):
    api, endpoint = served
    api.answers["a"] = [503]
    monkeypatch.setattr(backoff, "delay", lambda *_: AMPLE_SECONDS)

    ManagementApiClient(endpoint).post("{}", ["a"], AMPLE_SECONDS)

    assert api.requests == [("POST", "a")]


def test_post_to_what_hangs_ends_soon_after_its_time(served):
    api, endpoint = served
    api.delay_seconds = 30.0
    poster = ManagementApiClient(endpoint, timeouts=Timeouts(answer_seconds=0.3))

    started = time.monotonic()
    report = poster.post("{}", [f"c{n}" for n in range(20)], 0.5)

    assert len(report.unsent) == 20
    assert time.monotonic() - started < 3


def test_post_to_nowhere_is_unsent():
    report = ManagementApiClient("http://127.0.0.1:9/live").post("{}", ["a", "b"], 0.1)
    assert report == PostReport(unsent=("a", "b"))


def test_probe_sorts_every_id_into_exactly_one_place(poster):
    port, other_side = poster
    other_side.answers |= {"gone": [410], "slow": [429, 503, 200], "forbidden": [403]}

    report = port.probe(["there=", "gone", "slow", "forbidden", "there="], AMPLE_SECONDS)

    assert report == ProbeReport(alive=("there=", "slow"), gone=("gone",), unknown=("forbidden",))
    assert not other_side.received, "a probe reaches no client"


def test_probe_that_is_not_answered_in_time_says_so(poster):
    port, other_side = poster
    other_side.answers["a"] = [503]

    assert port.probe(["a", "b"], 0.2) == ProbeReport(alive=("b",), unknown=("a",))
    assert port.probe(["b"], 0) == ProbeReport(unknown=("b",))


def test_probe_asks_and_does_nothing_else(served):
    api, endpoint = served
    assert ManagementApiClient(endpoint).probe(["a"], AMPLE_SECONDS) == ProbeReport(alive=("a",))
    assert api.requests == [("GET", "a")]


def test_close_closes_and_accepts_connections_that_are_gone(poster):
    port, other_side = poster
    other_side.answers |= {"gone": [410], "slow": [429, 503, 200]}

    assert port.close(["a", "gone", "slow"]) == ("gone",)
    assert port.close([]) == ()


def test_close_deletes_each_connection(served):
    api, endpoint = served
    ManagementApiClient(endpoint).close(["a", "b="])
    assert sorted(api.requests) == [("DELETE", "a"), ("DELETE", "b=")]


def test_close_that_fails_is_reported(served, monkeypatch):
    api, endpoint = served
    monkeypatch.setattr(client, "CLOSE_BUDGET_SECONDS", 0.1)
    api.answers |= {"b": [403], "c": [500]}

    with pytest.raises(StoreUnavailable, match="2 connections"):
        ManagementApiClient(endpoint).close(["a", "b", "c"])
    assert ("DELETE", "a") in api.requests
