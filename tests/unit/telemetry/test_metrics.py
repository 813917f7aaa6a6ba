"""Metrics are lines on stdout in CloudWatch's embedded metric format, of the metrics of the catalog alone."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from realtime_core.telemetry import logs
from realtime_core.telemetry.logs import bind, get_logger
from realtime_core.telemetry.metric_catalog import (
    AUTHORIZER_FAULTS,
    CONNECTION_COUNT,
    CONNECTION_DURATION,
    ERROR_RATE,
    MESSAGE_COUNT,
    MESSAGE_LATENCY,
    UPKEEP_LAG,
    rows,
)
from realtime_core.telemetry.metrics import DECLARATIONS_MAX, add, flush, measured, recorder

LAMBDAS = Path(__file__).parents[3] / "lambdas"


@pytest.fixture
def lines(capsys):
    recorder.configure(service="deals-test")
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def declared(line):
    return {
        metric["Name"]: (directive["Dimensions"], metric["Unit"])
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def test_an_invocation_is_one_line_that_declares_and_carries_its_values(lines):
    before = time.time() * 1000

    with measured("answered", connectionId="c1", correlationId="r1"):
        add(MESSAGE_COUNT, 1, "ping")
        add(ERROR_RATE, 0)
        add(MESSAGE_LATENCY, 12, "reply")

    [line] = lines()
    assert before - 1 <= line["_aws"]["Timestamp"] <= time.time() * 1000 + 1
    assert {directive["Namespace"] for directive in line["_aws"]["CloudWatchMetrics"]} == {"DealsWebSocket"}
    assert declared(line) == {
        "MessageCount": ([["Service"], ["Service", "Action"]], "Count"),
        "ErrorRate": ([["Service"]], "None"),
        "MessageLatency": ([["Service", "Kind"]], "Milliseconds"),
    }
    del line["_aws"]
    assert line == {
        "Service": "deals-test",
        "Action": "ping",
        "Kind": "reply",
        "MessageCount": 1,
        "ErrorRate": 0,
        "MessageLatency": 12,
        "event": "answered",
        "connectionId": "c1",
        "correlationId": "r1",
    }


def test_an_error_counts_for_the_whole_and_for_its_code(lines):
    add(ERROR_RATE, 1, "RATE_LIMITED")
    flush("x")
    [line] = lines()
    assert declared(line)["ErrorRate"] == ([["Service"], ["Service", "Code"]], "None")
    assert (line["ErrorRate"], line["Code"]) == (1, "RATE_LIMITED")


def test_counts_are_summed_and_measurements_kept_apart(lines):
    for value in (1, 2, 3):
        add(AUTHORIZER_FAULTS, value)
        add(CONNECTION_DURATION, value)
    flush("x")
    [line] = lines()
    assert (line["AuthorizerFaults"], line["ConnectionDuration"]) == (6, [1, 2, 3])


def test_what_one_line_cannot_say_goes_to_another(lines, published):
    add(MESSAGE_LATENCY, 5, "reply")
    add(MESSAGE_LATENCY, 9, "push")
    add(CONNECTION_COUNT, 3)
    flush("x")
    first, second = lines()
    assert (first["MessageLatency"], first["Kind"], first["ConnectionCount"]) == (5, "reply", 3)
    assert (second["MessageLatency"], second["Kind"]) == (9, "push")


def test_a_line_has_at_most_a_hundred_values_of_a_metric(lines):
    for value in range(250):
        add(CONNECTION_DURATION, value)
    flush("x")
    values = [line["ConnectionDuration"] for line in lines()]
    assert [len(some) for some in values] == [100, 100, 50]
    assert [value for some in values for value in some] == list(range(250))


def test_declarations_are_remembered_up_to_a_number(lines):
    for number in range(DECLARATIONS_MAX + 10):
        add(ERROR_RATE, 1, f"CODE_{number}")
        flush("x")
        assert len(recorder._declarations) <= DECLARATIONS_MAX
    assert [line["Code"] for line in lines()] == [f"CODE_{n}" for n in range(DECLARATIONS_MAX + 10)]


def test_an_invocation_without_metrics_writes_nothing_and_a_failed_one_writes_all(lines):
    with measured("x"):
        pass
    assert lines() == []

    def fail():
        with measured("x"):
            add(UPKEEP_LAG, 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [line["UpkeepLag"] for line in lines()] == [1]


def test_what_was_written_once_is_not_written_again(lines):
    add(UPKEEP_LAG, 1)
    flush("x")
    flush("x")
    assert len(lines()) == 1


def test_values_of_many_threads_all_arrive(published):
    threads = [
        threading.Thread(target=lambda: [add(AUTHORIZER_FAULTS, 1) for _ in range(500)]) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert published() == {("AuthorizerFaults",): [2000]}


def test_the_line_masks_what_a_log_would_mask(lines):
    with measured("x", content="between us", clientRequestId="eyJhbGciOi.eyJzdWIi.c2ln"):
        bind(token="secret")
        add(UPKEEP_LAG, 1)
    [line] = lines()
    assert (line["content"], line["token"], line["clientRequestId"]) == ("[hidden]",) * 3


def test_a_first_invocation_is_a_cold_start_of_its_function(lines):
    recorder.configure(service="deals-test", function="deals-test-janitor")
    recorder.start(cold=True)
    flush("first")
    flush("second")
    [line] = lines()
    assert (line["event"], line["ColdStarts"], line["Function"]) == ("first", 1, "deals-test-janitor")


@pytest.mark.parametrize(("metric", "of"), [(MESSAGE_LATENCY, None), (UPKEEP_LAG, "ping")])
def test_a_metric_is_only_taken_with_the_dimension_that_it_has(metric, of):
    with pytest.raises(ValueError, match=metric.name):
        add(metric, 1, of)


def test_names_of_metrics_are_unique_and_no_dimension_is_an_id():
    names = [metric.name for metric in rows()]
    assert len(names) == len(set(names)) > 20
    assert {metric.by for metric in rows()} == {None, "Action", "Code", "Kind", "Reason", "Queue", "Function"}
    for metric in rows():
        assert metric.meaning
        assert metric.emitters
        assert metric.unit in {"Count", "Milliseconds", "Seconds", "None"}
        assert metric.whole or metric.by


def test_every_metric_is_published_by_some_code():
    """By its constant: a row that nothing adds to is one that an alarm would wait for in vain."""
    from realtime_core.telemetry import metric_catalog

    names = {value.name: name for name, value in vars(metric_catalog).items() if value in rows()}
    code = "\n".join(path.read_text() for path in LAMBDAS.rglob("*.py") if path.name != "metric_catalog.py")
    imports_and_use = {metric: code.count(constant) for metric, constant in names.items()}
    assert [metric for metric, times in imports_and_use.items() if times < 2] == []


@pytest.mark.parametrize(("rate", "share"), [("1", 1.0), ("0", 0.0), ("", 0.0), ("0.3", 0.3), ("much", 0.0)])
def test_a_share_of_requests_is_logged_in_full(rate, share):
    program = (
        "import os\n"
        "from realtime_core.telemetry.configuration import configure\n"
        "from realtime_core.telemetry.logs import bound, get_logger\n"
        "configure(os.environ)\n"
        "log = get_logger('x')\n"
        "for number in range(1000):\n"
        "    with bound(correlationId=f'r-{number}'):\n"
        "        log.debug('d'); log.debug('again')\n"
        "with bound(correlationId='r-1'):\n"
        "    log.info('i')\n"
        "log.debug('outside')"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "LOG_SAMPLE_RATE": rate, "LOG_LEVEL": "INFO"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    seen = [[json.loads(line) for line in output.splitlines()] for output in outputs]
    sampled = [[line["correlationId"] for line in run if line["event"] == "d"] for run in seen]
    assert sampled[0] == sampled[1], "another process samples the same requests"
    assert len(sampled[0]) == pytest.approx(1000 * share, abs=60 * (0 < share < 1))
    assert [line["event"] for line in seen[0]].count("again") == len(sampled[0])
    assert "outside" not in [line["event"] for line in seen[0]]
    assert "i" in [line["event"] for line in seen[0]]


def test_a_sampled_line_below_the_level_is_as_complete_as_any(lines):
    logs.configure(sample_rate=1.0)
    log = get_logger("tests")
    with measured("x", correlationId="r1"):
        log.debug("seen", topic="books")
    [line] = lines()
    assert (line["level"], line["event"], line["logger"]) == ("DEBUG", "seen", "tests")
    assert (line["topic"], line["sampled"]) == ("books", True)
