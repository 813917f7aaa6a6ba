"""index_projector and broadcast as Lambda starts them: configured by their environment, with its events."""

import json

import pytest

from broadcast import wiring as broadcast_wiring
from broadcast.indexed_subscriptions import IndexedSubscriptions
from index_projector import handler as handler_module
from index_projector import wiring
from index_projector.handler import handler
from realtime_core.errors import SettingsInvalid
from realtime_core.initialization import BuiltAtInit
from realtime_core.settings import read
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from tests.contract.support.cases import NOW, PHONES, connection
from tests.contract.support.emulator import emulator_url
from tests.contract.support.watched_clients import aws_client
from tests.published import published_in

PROJECTOR = {"SUBSCRIPTIONS_TABLE": "subscriptions", "HISTORY_TABLE": "history"}


class Context:
    aws_request_id = "r-1"
    function_name = "deals-test-index_projector"

    @staticmethod
    def get_remaining_time_in_millis():
        return 60_000


@pytest.fixture
def started(harness, monkeypatch):
    """The function's environment, with the password in a secret."""
    secret = aws_client("secretsmanager").create_secret(Name="redis", SecretString=harness.server.password)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_url())
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("REDIS_URL", harness.server.url)
    monkeypatch.setenv("REDIS_SECRET_ARN", secret["ARN"])
    for name, value in PROJECTOR.items():
        monkeypatch.setenv(name, value)
    rebuild_function(monkeypatch)
    return harness


def rebuild_function(monkeypatch):
    """Build the function again, as a cold start does."""
    monkeypatch.setattr(handler_module, "_components", BuiltAtInit(wiring.build))


def batch(harness):
    """The event of a batch, with JSON values only, as Lambda passes it."""
    return json.loads(json.dumps({"Records": harness.stream.records()}, default=str))


def test_function_rebuilds_follows_and_checks_the_index(started):
    started.connections.add(connection())
    started.store.subscribe("c1", "a", PHONES, NOW)
    first = batch(started)

    tended = handler({"task": "tend"}, Context)
    assert (tended["redis"], tended["state"], tended["built"]["members"]) == ("up", "ready", 1)
    assert handler(first, Context) == {"batchItemFailures": []}
    started.store.unsubscribe("c1", "a")
    assert handler(batch(started), Context) == {"batchItemFailures": []}
    assert started.operator.keys("deals:g:*") == []
    assert started.pending.read(NOW).items == ()
    assert handler({"task": "check"}, Context)["outcome"] == "equal"
    rebuilt = handler({"task": "rebuild"}, Context)
    assert (rebuilt["task"], rebuilt["outcome"], rebuilt["members"], rebuilt["groups"]) == (
        "rebuild", "ready", 0, 1,
    )  # fmt: skip
    json.dumps([tended, rebuilt])


def test_batch_that_redis_refuses_is_retried_from_its_first_record(started, monkeypatch, capsys):
    handler({"task": "tend"}, Context)
    started.connections.add(connection())
    started.store.subscribe("c1", "a", PHONES, NOW)
    records = batch(started)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    rebuild_function(monkeypatch)

    failed = handler(records, Context)

    first = records["Records"][0]["dynamodb"]["SequenceNumber"]
    assert failed == {"batchItemFailures": [{"itemIdentifier": first}]}
    assert len(started.pending.read(NOW).items) == 1
    assert published_in(capsys.readouterr().out)["IndexFailures",] == [0, 1], (
        "none in the maintenance, one for the batch"
    )
    tended = handler({"task": "tend"}, Context)
    assert (tended["redis"], tended["reason"]) == ("down", "refused")
    rebuilt, checked = (handler({"task": task}, Context) for task in ("rebuild", "check"))
    assert (rebuilt["task"], rebuilt["outcome"]) == ("rebuild", "failed")
    assert (checked["task"], checked["outcome"]) == ("check", "failed")
    assert "refused" in checked["reason"].lower()


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ({}, ["task"]),
        ({"task": "dance"}, ["task"]),
        ({"task": ["check"]}, ["task"]),
        ("check", [""]),
        (None, [""]),
        ({"task": "tend", "groups": 1}, ["groups"]),
        ({"task": "check", "groups": 0, "repair": "yes", "depth": 1}, ["depth", "groups", "repair"]),
        ({"task": "check", "groups": True}, ["groups"]),
    ],
)
def test_invalid_task_is_refused_with_its_invalid_fields(event, fields):
    response = handler(event, Context)
    assert response["task"] == "rejected"
    assert [problem["field"] for problem in response["errors"]] == fields


def test_function_without_redis_says_what_to_set(started, monkeypatch):
    monkeypatch.delenv("REDIS_URL")
    rebuild_function(monkeypatch)
    with pytest.raises(SettingsInvalid, match="REDIS_URL is not set; set it to rediss://HOST:PORT"):
        handler({"task": "tend"}, Context)


@pytest.mark.parametrize(("with_redis", "kind"), [(True, IndexedSubscriptions), (False, DynamoSubscriptions)])
def test_broadcast_reads_the_index_only_with_redis(started, with_redis, kind):
    environment = dict.fromkeys(
        ("CONNECTIONS_TABLE", "SUBSCRIPTIONS_TABLE", "MESSAGES_TABLE", "HISTORY_TABLE"), "x"
    ) | dict.fromkeys(
        ("MANAGEMENT_ENDPOINT", "DELIVERIES_QUEUE_URL", "EVENTS_QUEUE_URL", "EVENTS_DLQ_URL"),
        "https://example.com/x",
    )
    environment["POSTS_PER_SECOND"] = "1"
    if with_redis:
        environment["REDIS_URL"] = started.server.url
    settings = read(broadcast_wiring.Settings, environment)

    assert type(broadcast_wiring._subscriptions(settings, started.dynamodb)) is kind
