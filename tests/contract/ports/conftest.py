from dataclasses import dataclass

import pytest
from moto import mock_aws

from realtime_core.adapters.dynamodb_connections import DynamoConnections
from realtime_core.adapters.dynamodb_messages import DynamoMessages
from realtime_core.adapters.dynamodb_subscriptions import DynamoSubscriptions
from realtime_core.adapters.memory import MemoryConnections, MemoryMessages, MemorySubscriptions
from realtime_core.ports import Connections, Messages, Subscriptions
from tests.contract.ports.clouds import moto_client
from tests.contract.ports.tables import create_tables


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


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request):
    """The stores, once of DynamoDB and once in memory."""
    if request.param == "dynamodb":
        return request.getfixturevalue("dynamo_stores")
    connections = MemoryConnections()
    return Stores(connections, MemorySubscriptions(connections), MemoryMessages(retention_days=30))
