"""The history on DynamoDB and in memory, for the cases that both adapters keep."""

import os
from types import SimpleNamespace

import pytest

from realtime_core.history.dynamodb_admission import DynamoAdmission
from realtime_core.history.dynamodb_chunks import DynamoChunks
from realtime_core.history.dynamodb_events import DynamoHistory
from realtime_core.history.dynamodb_trimming import DynamoTrimming
from realtime_core.history.memory import MemoryHistory
from tests.contract.support.admitted import NOW_MS


def history_on_dynamodb(dynamodb):
    return SimpleNamespace(
        history=DynamoHistory(dynamodb, "history"),
        admission=DynamoAdmission(dynamodb, "history", os.urandom, sleep=lambda _seconds: None),
        chunks=DynamoChunks(dynamodb, "history", lambda: NOW_MS / 1000),
        trimming=DynamoTrimming(dynamodb, "history"),
    )


def history_in_memory():
    memory = MemoryHistory()
    return SimpleNamespace(history=memory, admission=memory, chunks=memory, trimming=memory)


@pytest.fixture
def dynamo(dynamodb):
    return history_on_dynamodb(dynamodb)


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request):
    return request.getfixturevalue("dynamo") if request.param == "dynamodb" else history_in_memory()
