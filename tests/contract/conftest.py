from dataclasses import dataclass

import pytest

from local_cloud.redis import RedisServer
from realtime_core.connections.base import Connections
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.connections.memory import MemoryConnections
from realtime_core.messages.base import Messages
from realtime_core.messages.dynamodb import DynamoMessages
from realtime_core.messages.memory import MemoryMessages
from realtime_core.subscriptions.base import Subscriptions
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.memory import MemorySubscriptions
from realtime_core.telemetry.metrics import recorder
from tests.contract.support.cases import connection
from tests.contract.support.emulator import empty_emulator
from tests.contract.support.index_harness import GoneFilteredOut, IndexHarness, ProjectedOnRead, operator
from tests.contract.support.tables import create_tables
from tests.contract.support.watched_clients import aws_client
from tests.published import published_in


@dataclass
class Stores:
    connections: Connections
    subscriptions: Subscriptions
    messages: Messages


@pytest.fixture
def cloud(monkeypatch):
    """AWS as far as the local cloud's emulator plays it, empty, and credentials for it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    empty_emulator()


@pytest.fixture
def dynamodb(cloud):
    """A client of a DynamoDB that has the tables."""
    made = aws_client("dynamodb")
    create_tables(made)
    return made


@pytest.fixture
def dynamo_stores(dynamodb):
    return Stores(
        DynamoConnections(dynamodb, "connections"),
        DynamoSubscriptions(dynamodb, "connections", "subscriptions"),
        DynamoMessages(dynamodb, "messages", retention_days=30),
    )


@pytest.fixture
def published(capsys):
    """Return the metrics that were published since the last call."""
    recorder.start(cold=False)

    def read():
        recorder.flush("test")
        return published_in(capsys.readouterr().out)

    return read


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory):
    """A server for those who leave it as they found it."""
    with RedisServer.start(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(shared_redis, monkeypatch):
    """A server that holds nothing, and whose certificate is believed."""
    if shared_redis.authorities:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(shared_redis.authorities))
    with operator(shared_redis) as client:
        client.flushall()
    return shared_redis


@pytest.fixture
def own_redis(tmp_path, monkeypatch):
    """A server of one's own, to break."""
    with RedisServer.start(tmp_path) as server:
        if server.authorities:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(server.authorities))
        yield server


@pytest.fixture
def harness(dynamodb, redis_server):
    """A table and its index, which is not built yet."""
    created = IndexHarness(dynamodb, redis_server)
    yield created
    created.close()


@pytest.fixture
def built(harness):
    """A ready index of an empty table, and the connection c1."""
    harness.build()
    harness.connections.add(connection())
    return harness


@pytest.fixture
def memory_stores():
    connections = MemoryConnections()
    return Stores(connections, MemorySubscriptions(connections), MemoryMessages(retention_days=30))


@pytest.fixture
def late_stores(harness):
    """Stores with an index that knows of nothing yet: all is pending."""
    harness.build()
    return Stores(harness.connections, GoneFilteredOut(harness), None)


@pytest.fixture
def index_stores(harness):
    """Stores with an index that knows of everything when it is asked."""
    harness.build()
    return Stores(harness.connections, ProjectedOnRead(harness), None)


@pytest.fixture(params=["dynamo", "memory"])
def stores(request):
    """The stores, once of DynamoDB and once in memory; a module may want others too."""
    return request.getfixturevalue(f"{request.param}_stores")
