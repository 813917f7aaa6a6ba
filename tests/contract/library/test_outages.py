"""Outages of the in-memory adapters, which the unit tests rely on."""

import pytest

from janitor.leases import Lease
from janitor.memory import MemoryLeases
from message_router.limits import Limit
from message_router.memory import MemoryLimiter
from realtime_core.auth.base import Revocation
from realtime_core.auth.memory import MemoryRevocations, MemorySigningSecrets
from realtime_core.connections.memory import MemoryConnections, MemorySchedule
from realtime_core.connections.schedule import first_schedule
from realtime_core.errors import StoreUnavailable
from realtime_core.messages.memory import MemoryMessages
from realtime_core.push.base import PostReport, ProbeReport
from realtime_core.push.memory import MemoryDeadLetterQueue, MemoryDeliveries, MemoryManagementApi
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import ANY, NOW, connection, message


@pytest.mark.parametrize(
    "call",
    [
        lambda stores: stores.connections.add(connection()),
        lambda stores: stores.connections.get("c1"),
        lambda stores: stores.connections.get_all(["c1"]),
        lambda stores: stores.connections.remove("c1"),
        lambda stores: stores.connections.of_user("ann"),
        lambda stores: stores.connections.extend("c1", NOW),
        lambda stores: stores.connections.count_of_user("ann", NOW),
        lambda stores: stores.subscriptions.subscribe("c1", "a", ANY, NOW),
        lambda stores: stores.subscriptions.unsubscribe("c1", "a"),
        lambda stores: stores.subscriptions.remove_members([connection()]),
        lambda stores: stores.subscriptions.extend(connection()),
        lambda stores: list(stores.subscriptions.groups("a", NOW)),
        lambda stores: list(stores.subscriptions.members([], NOW)),
        lambda stores: stores.messages.put(message(), None),
        lambda stores: stores.messages.put_all([message()]),
        lambda stores: stores.messages.acknowledge("ben", "m", "read", NOW),
        lambda stores: stores.messages.get("ben", "m", NOW),
        lambda stores: stores.messages.inbox("ben", None, 1, None, NOW),
        lambda stores: stores.messages.unread("ben", NOW),
        lambda stores: list(stores.schedule.due(0, NOW)),
        lambda stores: stores.schedule.walk(0, NOW, None, 1),
        lambda stores: stores.schedule.claim(first_schedule("c1", NOW, NOW), NOW),
        lambda stores: stores.schedule.settle(NOW, first_schedule("c1", NOW, NOW)),
        lambda stores: stores.schedule.count(0),
        lambda _: memory_with_outage(MemoryDeliveries()).send([]),
        lambda _: memory_with_outage(MemoryDeadLetterQueue()).put("{}", "reason"),
        lambda _: memory_with_outage(MemorySigningSecrets("key")).signing_keys(NOW),
        lambda _: memory_with_outage(MemoryManagementApi()).close(["a"]),
        lambda _: memory_with_outage(MemoryLimiter()).take("ann#others", Limit(1, 1), NOW),
        lambda _: memory_with_outage(MemoryRevocations()).revoke(Revocation("ann", NOW, NOW)),
        lambda _: memory_with_outage(MemoryRevocations()).refusal("ann", None, NOW),
        lambda _: list(memory_with_outage(MemoryRevocations()).recent(NOW, NOW)),
        lambda _: memory_with_outage(MemoryLeases()).take("due#0", "run", NOW, NOW),
        lambda _: memory_with_outage(MemoryLeases()).give_back(Lease("due#0", "run"), {}),
        lambda _: memory_with_outage(MemoryLeases()).progress("due#0"),
    ],
)
def test_adapter_that_is_down_raises_from_every_call(call):
    connections = MemoryConnections()
    stores = type("Stores", (), {})()
    stores.connections = memory_with_outage(connections)
    stores.subscriptions = memory_with_outage(MemorySubscriptions(connections))
    stores.messages = memory_with_outage(MemoryMessages())
    stores.schedule = memory_with_outage(MemorySchedule(connections))

    with pytest.raises(StoreUnavailable, match="is down"):
        call(stores)


def test_management_api_that_is_down_sends_nothing_and_does_not_raise():
    management_api = memory_with_outage(MemoryManagementApi())

    assert management_api.post("{}", ["a"], 1.0) == PostReport(unsent=("a",))
    assert management_api.probe(["a"], 1.0) == ProbeReport(unknown=("a",))
    assert management_api.received == {}


def memory_with_outage(adapter):
    adapter.down = True
    return adapter
