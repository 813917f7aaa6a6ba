"""The stores of these tests."""

import pytest

from tests.contract.support.cases import connection


@pytest.fixture(params=["dynamo", "memory", "late", "index"])
def stores(request):
    """The stores alone, and with an index in front of them, which is up to date or late."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.fixture
def ann(stores):
    """A user with the connection c1."""
    stores.connections.add(connection())
