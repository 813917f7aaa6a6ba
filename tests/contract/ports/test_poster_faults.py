"""Nothing is lost, whatever breaks: 10,000 connections for each way of breaking."""

import time

import pytest

from local_cloud.certificates import self_signed
from realtime_core.push.management_api.batch import Timeouts
from realtime_core.push.management_api.client import ManagementApiClient
from tests.contract.ports.faulty_api import LOSES, faulty_api

MANY = 10_000
AMPLE = 60.0
BRISK = Timeouts(retry_base_seconds=0.005, retry_cap_seconds=0.05)
IMPATIENT = Timeouts(answer_seconds=0.5, retry_base_seconds=0.005, retry_cap_seconds=0.05)

# Name: plans dealt out to the ids in turn, size of the payload, how long an answer is waited for.
FAULTS = {
    "gone": ([["410"], ["ok"], ["429", "410"]], 200, BRISK),
    "throttled": ([["429", "ok"], ["429", "429", "429", "chunked"], ["ok"]], 200, BRISK),
    "server errors": ([["500", "ok"], ["503", "500", "last"], ["ok"]], 200, BRISK),
    "resets": ([["reset", "ok"], ["ok"], ["reset", "429", "reset", "ok"], ["ok"]], 200, BRISK),
    "half answers": ([["half", "ok"], ["ok"], ["half", "500", "half", "chunked"], ["ok"]], 200, BRISK),
    "hangs": ([["hang", "ok"], *[["ok"]] * 9, ["hang", "hang", "ok"], *[["ok"]] * 9], 200, IMPATIENT),
    "slow": ([["slow"], ["ok"]], 200, BRISK),
    "128 KB": ([["ok"], ["429", "ok"], ["early"], ["half", "ok"]], 131_072, BRISK),
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def deal_out(api, plans, count):
    ids = [f"L0SM{number:08}FvHc=" for number in range(count)]
    api.plans = {one: plans[number % len(plans)] for number, one in enumerate(ids)}
    return ids


def places(report):
    return [*report.delivered, *report.gone, *report.unsent, *report.refused]


def assert_repeats_only_where_an_answer_was_lost(api, report):
    repeated = {one: count - 1 for one, count in api.arrived.items() if count > 1}
    for one, count in repeated.items():
        assert count <= api.lost[one], one
    assert sum(repeated.values()) <= report.answers_lost


@pytest.mark.parametrize("fault", FAULTS)
def test_no_id_is_lost_under(fault):
    plans, size, timeouts = FAULTS[fault]
    with faulty_api() as api:
        ids = deal_out(api, plans, MANY)
        report = ManagementApiClient(f"http://127.0.0.1:{api.port}/live", timeouts=timeouts).post(
            "x" * size, ids, AMPLE
        )

    assert sorted(places(report)) == ids, "each id is in exactly one place"
    assert not report.unsent
    assert set(report.gone) == {one for one in ids if api.plans[one][-1] == "410"}
    assert set(report.refused) == {one for one in ids if api.plans[one] == ["early"]}
    assert all(api.arrived[one] for one in report.delivered), "what is reported delivered arrived"
    assert_repeats_only_where_an_answer_was_lost(api, report)
    assert report.throttled == sum(api.plans[one].count("429") for one in ids)
    assert set(api.sizes) == {size}
    # Closing before all was heard may tear up the refusal that was on its way: then it is asked for again.
    refused_unheard = sum(api.attempts[one] - 1 for one in ids if api.plans[one] == ["early"])
    assert report.answers_lost == sum(api.lost.values()) + refused_unheard, "every lost answer is counted"
    if not any(step in LOSES for plan in plans for step in plan):
        assert set(api.arrived.values()) <= {0, 1}, "nothing is sent twice"


def test_no_id_is_lost_over_tls_under_all_of_it(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    plans = [["ok"], ["410"], ["429", "ok"], ["reset", "chunked"], ["half", "last"], ["503", "slow"]]
    with faulty_api(certificate) as api:
        ids = deal_out(api, plans, 3_000)
        report = ManagementApiClient(f"https://localhost:{api.port}/live", timeouts=BRISK).post(
            "x" * 200, ids, AMPLE
        )

    assert sorted(places(report)) == ids
    assert (len(report.delivered), len(report.gone)) == (2_500, 500)
    assert report.answers_lost == sum(api.lost.values()) == 1_000
    assert_repeats_only_where_an_answer_was_lost(api, report)


def test_what_the_time_did_not_suffice_for_is_unsent_and_the_rest_is_not():
    plans = [["hang"], ["ok"], ["503"], ["410"], ["reset"]]
    with faulty_api() as api:
        ids = deal_out(api, plans, MANY)
        poster = ManagementApiClient(f"http://127.0.0.1:{api.port}/live", timeouts=IMPATIENT)
        started = time.monotonic()
        report = poster.post("x" * 200, ids, 1.0)
        took = time.monotonic() - started

    assert sorted(places(report)) == ids
    assert took < 1.0 + IMPATIENT.answer_seconds + 1.0
    assert {api.plans[one][0] for one in report.unsent} >= {"hang", "503", "reset"}
    assert {api.plans[one][0] for one in report.delivered} == {"ok"}
    assert all(api.arrived[one] == 1 for one in report.delivered)
    assert all(api.arrived[one] == 0 for one in report.gone)
    unreported = sum(api.arrived[one] for one in report.unsent)
    assert unreported <= report.answers_lost, "what arrived and is sent again is counted"


def test_a_second_job_uses_the_connections_of_the_first_and_notices_those_that_died():
    with faulty_api() as api:
        ids = deal_out(api, [["ok"], ["last"]], 100)
        poster = ManagementApiClient(f"http://127.0.0.1:{api.port}/live", timeouts=BRISK)
        first = poster.post("{}", ids, AMPLE)
        again = poster.post("{}", ids, AMPLE)

    assert first.delivered == again.delivered == tuple(ids)
    assert first.answers_lost == again.answers_lost == 0
    assert set(api.arrived.values()) == {2}


def test_chunks_of_an_audience_get_the_connections_that_the_whole_is_worth():
    with faulty_api() as api:
        ids = deal_out(api, [["slow"]], 1_600)
        poster = ManagementApiClient(f"http://127.0.0.1:{api.port}/live")
        opened = []
        for start in range(0, 1_600, 400):
            assert not poster.post("{}", ids[start : start + 400], AMPLE).unsent
            opened.append(api.connections)

    # 3.5 times the root of what was posted so far, and none is opened twice.
    assert opened == [70, 99, 122, 140]


def test_a_server_with_a_certificate_that_nobody_vouches_for_gets_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    with faulty_api(self_signed(tmp_path)) as api:
        report = ManagementApiClient(f"https://localhost:{api.port}/live").post("{}", ["a"], 0.3)
    assert report.unsent == ("a",)
    assert not api.attempts


def test_a_server_with_a_certificate_for_another_name_gets_nothing(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path, "elsewhere.example")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    with faulty_api(certificate) as api:
        report = ManagementApiClient(f"https://localhost:{api.port}/live").post("{}", ["a"], 0.3)
    assert report.unsent == ("a",)
    assert not api.attempts


def test_an_address_that_does_not_answer_gives_way_to_one_that_does(monkeypatch):
    with faulty_api() as api:
        closed = ("127.0.0.2", api.port)
        unroutable = ("255.255.255.255", api.port)
        found = [(2, 1, 6, "", where) for where in (unroutable, closed, ("127.0.0.1", api.port))]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        report = ManagementApiClient(f"http://several.example:{api.port}/live").post("{}", ["a", "b"], 5.0)
    assert report.delivered == ("a", "b")
    assert report.answers_lost == 0
