"""No post is lost, whatever breaks: 10,000 connections for each kind of failure."""

import time

import pytest

from local_cloud.certificates import self_signed
from realtime_core.push.management_api.batch import Timeouts
from realtime_core.push.management_api.client import ManagementApiClient
from tests.contract.support.faulty_api import LOSING, faulty_api

MANY = 10_000
AMPLE_SECONDS = 60.0
SHORT_PAUSES = Timeouts(retry_base_seconds=0.005, retry_cap_seconds=0.05)
SHORT_WAITS = Timeouts(answer_seconds=1.0, retry_base_seconds=0.005, retry_cap_seconds=0.05)

# Name: plans assigned to the ids in turn, size of the payload in bytes, timeouts.
FAULTS = {
    "gone": ([["410"], ["ok"], ["429", "410"]], 200, SHORT_PAUSES),
    "throttled": ([["429", "ok"], ["429", "429", "429", "chunked"], ["ok"]], 200, SHORT_PAUSES),
    "server errors": ([["500", "ok"], ["503", "500", "last"], ["ok"]], 200, SHORT_PAUSES),
    "resets": ([["reset", "ok"], ["ok"], ["reset", "429", "reset", "ok"], ["ok"]], 200, SHORT_PAUSES),
    "half answers": ([["half", "ok"], ["ok"], ["half", "500", "half", "chunked"], ["ok"]], 200, SHORT_PAUSES),
    "hangs": ([["hang", "ok"], *[["ok"]] * 9, ["hang", "hang", "ok"], *[["ok"]] * 9], 200, SHORT_WAITS),
    "slow": ([["slow"], ["ok"]], 200, SHORT_PAUSES),
    "128 KB": ([["ok"], ["429", "ok"], ["early"], ["half", "ok"]], 131_072, SHORT_PAUSES),
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def assign_plans(api, plans, count):
    ids = [f"L0SM{number:08}FvHc=" for number in range(count)]
    api.plans = {item: plans[number % len(plans)] for number, item in enumerate(ids)}
    return ids


def all_ids(report):
    return [*report.delivered, *report.gone, *report.unsent, *report.refused]


def assert_repeats_only_where_an_answer_was_lost(api, report):
    repeated = {item: count - 1 for item, count in api.arrived.items() if count > 1}
    for item, count in repeated.items():
        assert count <= api.lost[item], item
    assert sum(repeated.values()) <= report.answers_lost


@pytest.mark.parametrize("fault", FAULTS)
def test_no_id_is_lost_under(fault):
    plans, size, timeouts = FAULTS[fault]
    with faulty_api() as api:
        ids = assign_plans(api, plans, MANY)
        report = ManagementApiClient(f"http://127.0.0.1:{api.port}/live", timeouts=timeouts).post(
            "x" * size, ids, AMPLE_SECONDS
        )

    assert sorted(all_ids(report)) == ids, "each id is in exactly item place"
    assert not report.unsent
    assert set(report.gone) == {item for item in ids if api.plans[item][-1] == "410"}
    assert set(report.refused) == {item for item in ids if api.plans[item] == ["early"]}
    assert all(api.arrived[item] for item in report.delivered), "what is reported delivered arrived"
    assert_repeats_only_where_an_answer_was_lost(api, report)
    assert report.throttled == sum(api.plans[item].count("429") for item in ids)
    assert set(api.sizes) == {size}
    # A server that closes before it has read everything may cut off its refusal: then the post is retried.
    refused_unread = sum(api.attempts[item] - 1 for item in ids if api.plans[item] == ["early"])
    assert report.answers_lost == sum(api.lost.values()) + refused_unread, "every lost answer is counted"
    if not any(step in LOSING for plan in plans for step in plan):
        assert set(api.arrived.values()) <= {0, 1}, "nothing is sent twice"


def test_no_id_is_lost_over_tls_under_all_of_it(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    plans = [["ok"], ["410"], ["429", "ok"], ["reset", "chunked"], ["half", "last"], ["503", "slow"]]
    with faulty_api(certificate) as api:
        ids = assign_plans(api, plans, 3_000)
        report = ManagementApiClient(f"https://localhost:{api.port}/live", timeouts=SHORT_PAUSES).post(
            "x" * 200, ids, AMPLE_SECONDS
        )

    assert sorted(all_ids(report)) == ids
    assert (len(report.delivered), len(report.gone)) == (2_500, 500)
    assert report.answers_lost == sum(api.lost.values()) == 1_000
    assert_repeats_only_where_an_answer_was_lost(api, report)


def test_only_posts_that_time_ran_out_for_are_unsent():
    plans = [["hang"], ["ok"], ["503"], ["410"], ["reset"]]
    with faulty_api() as api:
        ids = assign_plans(api, plans, MANY)
        poster = ManagementApiClient(f"http://127.0.0.1:{api.port}/live", timeouts=SHORT_WAITS)
        started = time.monotonic()
        report = poster.post("x" * 200, ids, 1.0)
        took = time.monotonic() - started

    assert sorted(all_ids(report)) == ids
    assert took < 1.0 + SHORT_WAITS.answer_seconds + 1.0
    assert {api.plans[item][0] for item in report.unsent} >= {"hang", "503", "reset"}
    assert {api.plans[item][0] for item in report.delivered} == {"ok"}
    assert all(api.arrived[item] == 1 for item in report.delivered)
    assert all(api.arrived[item] == 0 for item in report.gone)
    unreported = sum(api.arrived[item] for item in report.unsent)
    assert unreported <= report.answers_lost, "what arrived and is sent again is counted"


def test_a_second_batch_reuses_the_open_connections_of_the_first():
    with faulty_api() as api:
        ids = assign_plans(api, [["ok"], ["last"]], 100)
        poster = ManagementApiClient(f"http://127.0.0.1:{api.port}/live", timeouts=SHORT_PAUSES)
        first = poster.post("{}", ids, AMPLE_SECONDS)
        second = poster.post("{}", ids, AMPLE_SECONDS)

    assert first.delivered == second.delivered == tuple(ids)
    assert first.answers_lost == second.answers_lost == 0
    assert set(api.arrived.values()) == {2}


def test_chunks_of_an_audience_get_the_connections_that_the_whole_is_worth():
    with faulty_api() as api:
        api.slow_seconds = 0.2  # longer than it takes to open the connections of a chunk
        ids = assign_plans(api, [["slow"]], 1_600)
        poster = ManagementApiClient(f"http://127.0.0.1:{api.port}/live")
        opened = []
        for start in range(0, 1_600, 400):
            assert not poster.post("{}", ids[start : start + 400], AMPLE_SECONDS).unsent
            opened.append(api.connections)

    # 3.5 times the root of what was posted so far, and none is opened twice.
    assert opened == [70, 99, 122, 140]


def test_a_server_whose_certificate_does_not_verify_gets_nothing(tmp_path, monkeypatch):
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


def test_an_unreachable_address_gives_way_to_one_that_answers(monkeypatch):
    with faulty_api() as api:
        closed = ("127.0.0.2", api.port)
        unroutable = ("255.255.255.255", api.port)
        addresses = [(2, 1, 6, "", where) for where in (unroutable, closed, ("127.0.0.1", api.port))]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: addresses)
        report = ManagementApiClient(f"http://several.example:{api.port}/live").post("{}", ["a", "b"], 5.0)
    assert report.delivered == ("a", "b")
    assert report.answers_lost == 0
