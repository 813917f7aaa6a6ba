"""What the local cloud counts for the console's picture: calls, what is under way, failures, and by whom."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest
from aiohttp import web

from local_cloud import function_processes
from local_cloud.function_processes import find_function_of_port, find_processes, kill_function
from local_cloud.gateway.kills import ARMED_S, Kills
from local_cloud.gateway.places import Callers, find_targets, function_place
from local_cloud.gateway.traffic import PUBLISHERS, Traffic
from local_cloud.gateway.watch import WatchedCall

ENDPOINT = "http://127.0.0.1:1"
FUNCTION, KEY = "deals-local-broadcast", "ASIAEXAMPLE"


class Clock:
    """A clock that stands until a test moves it."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def traffic(clock):
    return Traffic(clock)


@pytest.fixture
def start():
    """Start a process as the emulator starts a function's; it ends with the test."""
    started = []

    def start(function=FUNCTION, endpoint=ENDPOINT, code="import time; time.sleep(60)"):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "AWS_LAMBDA_FUNCTION_NAME": function,
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ACCESS_KEY_ID": KEY,
            },
        )
        started.append(process)
        wait_until(lambda: process.pid in {found.pid for found in find_processes(endpoint)})
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Counting


def test_calls_count_for_a_second_and_failures_for_a_minute(traffic, clock):
    traffic.count("a", "b")
    clock.now += 0.9
    traffic.count("a", "b")
    traffic.fail("b")
    assert traffic.calls() == {("a", "b"): 2}

    clock.now += 0.2
    assert traffic.calls() == {("a", "b"): 1}

    clock.now += 59
    assert (traffic.calls(), traffic.failures("b")) == ({("a", "b"): 0}, 1)
    clock.now += 1
    assert traffic.failures("b") == 0
    assert traffic.failures("never called") == 0


def test_call_is_under_way_until_its_block_ends_however_it_ends(traffic):
    def call():
        with traffic.under_way("a", "b"), traffic.under_way("c", "b"):
            assert traffic.in_flight("b") == 2
            assert traffic.is_busy("a")
            assert traffic.is_busy("b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        call()
    assert (traffic.in_flight("b"), traffic.is_busy("a"), traffic.is_busy("b")) == (0, False, False)


@pytest.mark.parametrize(
    ("status", "headers", "failures"),
    [
        (200, {}, 0),
        (200, {"X-Amz-Function-Error": "Unhandled"}, 1),
        (400, {"x-amzn-ErrorType": "ConditionalCheckFailedException"}, 0),
        (400, {"x-amzn-ErrorType": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}, 1),
        (400, {"x-amzn-ErrorType": "ProvisionedThroughputExceededException"}, 1),
        (410, {}, 0),
        (429, {}, 1),
        (500, {}, 1),
        (503, {}, 1),
    ],
)
def test_answer_that_says_something_about_the_place_is_a_failure(traffic, status, headers, failures):
    response = web.Response(status=status, headers=headers)

    assert WatchedCall(traffic, ["table:t"]).note(response) is response
    assert traffic.failures("table:t") == failures


# Places


@pytest.mark.parametrize(
    "name",
    [FUNCTION, f"{FUNCTION}:live", f"arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}",
     f"arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}:live"],
)  # fmt: skip
def test_function_has_one_place_whatever_it_is_called(name):
    assert function_place(name) == f"function:{FUNCTION}"


@pytest.mark.parametrize(
    ("service", "operation", "path", "body", "targets"),
    [
        ("dynamodb", "PutItem", "/", b'{"TableName": "t", "Item": {}}', ["table:t"]),
        (
            "dynamodb",
            "TransactWriteItems",
            "/",
            b'{"TransactItems":[{"Put":{"TableName":"b"}},{"Put":{"TableName":"a"}},{"Put":{"TableName":"b"}}]}',
            ["table:a", "table:b"],
        ),
        (
            "dynamodb",
            "BatchGetItem",
            "/",
            b'{"RequestItems": {"t": {}, "u": {}}}',
            ["table:t", "table:u"],
        ),
        ("dynamodb", "BatchGetItem", "/", b'{"RequestItems": [', []),
        ("dynamodb", "BatchGetItem", "/", b'["RequestItems"]', []),
        ("sqs", "SendMessage", "/", b'{"QueueUrl":"http://host/000/q","MessageBody":"x"}', ["queue:q"]),
        ("sqs", "ListQueues", "/", b"{}", []),
        ("lambda", "Invoke", "/2015-03-31/functions/f:live/invocations", b"", ["function:f"]),
        ("lambda", "ListFunctions", "/2015-03-31/functions/", b"", []),
        ("execute-api", "PostToConnection", "/_aws/execute-api/a/b/@connections/c", b"x", ["gateway"]),
        ("s3", "PutObject", "/b/k", b'{"TableName":"t"}', []),
    ],
)  # fmt: skip
def test_call_goes_to_the_places_that_it_names(service, operation, path, body, targets):
    assert find_targets(service, operation, path, body) == targets


def test_caller_is_the_function_whose_key_signs(start):
    callers = Callers(ENDPOINT)
    assert callers.find("") == PUBLISHERS
    assert callers.find("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request") == PUBLISHERS

    start()
    start(function="of-another-cloud", endpoint="http://127.0.0.1:2")

    assert callers.find(f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/x") == f"function:{FUNCTION}"


def test_caller_on_a_socket_is_found_by_its_port(start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket, time; s = socket.create_connection(('127.0.0.1', {port})); time.sleep(60)"
        start(code=code)
        accepted, (_, client_port) = server.accept()
        with accepted:
            assert find_function_of_port(client_port, ENDPOINT) == FUNCTION
            assert find_function_of_port(client_port, "http://127.0.0.1:2") is None
            assert find_function_of_port(port, ENDPOINT) is None


# Kills


def test_only_the_processes_of_one_function_of_one_cloud_are_killed(start):
    wanted, other, elsewhere = (
        start(),
        start(function="deals-local-delivery"),
        start(endpoint="http://127.0.0.1:2"),
    )

    assert kill_function(FUNCTION, ENDPOINT) == 1

    assert wanted.wait(5) == -9
    assert (other.poll(), elsewhere.poll()) == (None, None)


def test_function_in_the_middle_of_a_call_is_killed_at_once(start, traffic):
    process, kills = start(), Kills(ENDPOINT, traffic)

    with traffic.under_way(f"function:{FUNCTION}", "table:t"):
        assert kills.request(FUNCTION) == {"killed": 1, "armed": False}

    assert process.wait(5) == -9
    assert [kill["function"] for kill in kills.describe()["kills"]] == [FUNCTION]


def test_idle_function_is_killed_in_its_next_call_and_only_there(start, traffic, clock):
    process, kills = start(), Kills(ENDPOINT, traffic, clock)

    assert kills.request(FUNCTION) == {"killed": 0, "armed": True}
    assert kills.describe()["armed"] == [{"function": FUNCTION, "seconds": ARMED_S}]
    assert not kills.strike(PUBLISHERS)
    assert not kills.strike("function:deals-local-delivery")
    assert process.poll() is None

    assert kills.strike(f"function:{FUNCTION}")
    assert process.wait(5) == -9
    assert not kills.strike(f"function:{FUNCTION}")
    assert kills.describe()["armed"] == []


def test_system_that_shows_no_processes_promises_no_kill(traffic, monkeypatch, tmp_path):
    monkeypatch.setattr(function_processes, "_PROCESSES", tmp_path / "proc")
    kills = Kills(ENDPOINT, traffic)

    with pytest.raises(LookupError, match="no /proc"):
        kills.request(FUNCTION)
    assert kills.describe() == {"armed": [], "kills": []}
    assert Callers(ENDPOINT).find(f"Credential={KEY}/x") == PUBLISHERS


def test_kill_that_finds_no_call_in_time_is_forgotten(start, traffic, clock):
    process, kills = start(), Kills(ENDPOINT, traffic, clock)
    kills.request(FUNCTION)
    clock.now += ARMED_S + 0.1

    assert kills.describe() == {"armed": [], "kills": []}
    assert not kills.strike(f"function:{FUNCTION}")
    assert process.poll() is None
