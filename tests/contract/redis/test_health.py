"""`HealthRecord` and its lookup for `getStatus`, on DynamoDB and in memory."""

import pytest

from message_router.lookup import DynamoConnectionLookup
from message_router.memory import MemoryConnectionLookup
from realtime_core.connections.memory import MemoryConnections
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.history.dynamodb_trimming import DynamoTrimming
from realtime_core.history.memory import MemoryHistory
from realtime_core.redis.dynamodb_health import DynamoHealth
from realtime_core.redis.health import STALE_SECONDS, Health
from realtime_core.redis.memory import MemoryHealth
from tests.contract.support.cases import NOW, connection
from tests.contract.support.watched_clients import answering, watching


@pytest.fixture(params=["dynamodb", "memory"])
def parts(request):
    """Connections, the health record, and the lookup over both."""
    if request.param == "memory":
        connections, health = MemoryConnections(), MemoryHealth()
        return connections, health, MemoryConnectionLookup(connections, MemoryHistory(), health)
    dynamodb = request.getfixturevalue("dynamodb")
    return (
        request.getfixturevalue("dynamo_stores").connections,
        DynamoHealth(dynamodb, "history"),
        DynamoConnectionLookup(dynamodb, "connections", "history", has_index=True),
    )


def test_last_is_none_before_the_first_report(parts):
    connections, health, lookup = parts
    connections.add(connection())
    assert health.last() is None
    assert lookup.start_health("c1").result() == (connection(), None)


@pytest.mark.parametrize("state", ["up", "down"])
def test_last_report_is_read_with_the_record(parts, state):
    connections, health, lookup = parts
    connections.add(connection())
    health.report(Health("down" if state == "up" else "up", NOW - 5))
    health.report(Health(state, NOW))

    assert health.last() == Health(state, NOW)
    assert lookup.start_health("c1").result() == (connection(), Health(state, NOW))
    assert lookup.start_health("nobody").result() == (None, Health(state, NOW))


def test_health_record_is_not_an_event_of_the_history(dynamodb):
    DynamoHealth(dynamodb, "history").report(Health("down", NOW))
    history = DynamoHistory(dynamodb, "history")

    assert [page.events for page in history.events(0, 100)] == [[], []]
    assert DynamoTrimming(dynamodb, "history").trim(NOW * 1000, 1) == 0
    assert DynamoHealth(dynamodb, "history").last() is not None


def test_lookup_takes_one_read_and_retries_unprocessed_keys(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    DynamoHealth(dynamodb, "history").report(Health("down", NOW))
    lookup = DynamoConnectionLookup(dynamodb, "connections", "history", has_index=True)
    with watching(dynamodb) as watch:
        lookup.start_health("c1").result()
    assert (watch.reads, watch.writes) == (1, 0)

    keys = {
        "connections": {"Keys": [{"connection_id": {"S": "c1"}}], "ConsistentRead": True},
        "history": {"Keys": [{"pk": {"S": "health"}, "position": {"N": "0"}}], "ConsistentRead": True},
    }
    with answering(dynamodb, "BatchGetItem", (200, {"Responses": {}, "UnprocessedKeys": keys})):
        assert lookup.start_health("c1").result() == (connection(), Health("down", NOW))


def test_lookup_without_an_index_reads_no_report(dynamodb, dynamo_stores):
    dynamo_stores.connections.add(connection())
    DynamoHealth(dynamodb, "history").report(Health("down", NOW))
    with watching(dynamodb) as watch:
        result = DynamoConnectionLookup(dynamodb, "connections", "history").start_health("c1").result()
    assert result == (connection(), None)
    assert watch.calls == {"GetItem": 1}


@pytest.mark.parametrize(
    ("health", "degraded"),
    [
        (Health("up", NOW), False),
        (Health("down", NOW), True),
        (Health("down", NOW - STALE_SECONDS), True),
        (Health("down", NOW - STALE_SECONDS - 1), False),
    ],
)
def test_is_degraded_only_after_a_recent_report_of_down(health, degraded):
    assert health.is_degraded(NOW) is degraded
