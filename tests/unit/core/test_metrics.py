"""Metrics are lines on stdout in CloudWatch's embedded metric format."""

import json
import time

from realtime_core.metrics import count, emit


def test_emit_writes_one_line_that_declares_and_carries_the_values(capsys):
    before = time.time() * 1000

    emit({"ConnectionCount": (3, "Count"), "UpkeepLag": (1.5, "Seconds")}, {"Function": "janitor"})

    [text] = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert before - 1 <= line["_aws"].pop("Timestamp") <= time.time() * 1000 + 1
    declared = {
        "Namespace": "DealsWebSocket",
        "Dimensions": [["Function"]],
        "Metrics": [{"Name": "ConnectionCount", "Unit": "Count"}, {"Name": "UpkeepLag", "Unit": "Seconds"}],
    }
    assert line == {
        "_aws": {"CloudWatchMetrics": [declared]},
        "Function": "janitor",
        "ConnectionCount": 3,
        "UpkeepLag": 1.5,
    }


def test_emit_without_dimensions_is_one_metric_for_all(capsys):
    emit({"ConnectionCount": (3, "Count")})
    assert json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]


def test_emit_of_nothing_writes_nothing(capsys):
    emit({})
    assert capsys.readouterr().out == ""


def test_count_is_one_more_for_this_function(capsys, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "deals-test-message_router")
    count("LimiterFailures")
    line = json.loads(capsys.readouterr().out)
    assert (line["Function"], line["LimiterFailures"]) == ("deals-test-message_router", 1)
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "LimiterFailures", "Unit": "Count"}]
