from dataclasses import dataclass

import pytest
from moto import mock_aws

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
from tests.contract.ports.clouds import moto_client
from tests.contract.ports.indexed import Posting, Projecting, World, operator
from tests.contract.ports.tables import create_tables
from tests.published import published_in


@dataclass
class Stores:
    connections: Connections
    subscriptions: Subscriptions
    messages: Messages


@pytest.fixture
def cloud():
    """AWS as far as moto plays it, empty."""
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(cloud):
    """A client of a DynamoDB that has the tables."""
    made = moto_client("dynamodb")
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
def world(dynamodb, redis_server):
    """A table with an index of it, not built yet."""
    made = World(dynamodb, redis_server)
    yield made
    made.close()


@pytest.fixture
def memory_stores():
    connections = MemoryConnections()
    return Stores(connections, MemorySubscriptions(connections), MemoryMessages(retention_days=30))


@pytest.fixture
def late_stores(world):
    """Stores with an index that knows of nothing yet: all is pending."""
    world.build()
    return Stores(world.connections, Posting(world), None)


@pytest.fixture
def index_stores(world):
    """Stores with an index that knows of everything when it is asked."""
    world.build()
    return Stores(world.connections, Projecting(world), None)


@pytest.fixture(params=["dynamo", "memory"])
def stores(request):
    """The stores, once of DynamoDB and once in memory; a module may want others too."""
    return request.getfixturevalue(f"{request.param}_stores")
