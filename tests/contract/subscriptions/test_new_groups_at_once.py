"""Many who subscribe at once to a group that nobody has yet, and what is counted of it."""

from functools import partial
from types import SimpleNamespace

import pytest

from realtime_core.aws import backoff
from realtime_core.errors import SubscriptionFailed
from realtime_core.ids import group_id
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from realtime_core.subscriptions.dynamodb_topic_counts import COUNT_KEY
from realtime_core.subscriptions.registry_keys import registry_pk
from tests.contract.support.cases import HOUR, NOW, PHONES, connection, member_ids
from tests.contract.support.interleaving import Interleaving
from tests.contract.support.transactions import conflict_of, item_keys
from tests.contract.support.watched_clients import before_next, hooked

PEOPLE = 6
END = NOW + 3 * HOUR


class HeldItems:
    """A hook that holds the items of each transaction until its thread's next turn, when it is carried out.

    Meanwhile other threads may call, and what meets an item that is held is refused, as DynamoDB does.
    """

    def __init__(self, pause, is_listed):
        self._pause, self._held, self._is_listed = pause, set(), is_listed
        self.listings = 0
        """How many transactions that met no conflict list the group, which is not listed yet."""

    def __call__(self, operation, parameters):
        keys = item_keys(operation, parameters)
        if conflicts := [key in self._held for key in keys]:
            if any(conflicts):
                return conflict_of(operation, conflicts)
            if operation == "TransactWriteItems":
                self._held |= set(keys)
                self._pause()
                self._held -= set(keys)
                # Found out before it is added: other threads have turns meanwhile, and count too.
                lists = "expires_at" in _first_update(parameters) and not self._is_listed()
                self.listings += lists
        return None


def _first_update(parameters):
    return parameters["TransactItems"][0].get("Update", {}).get("UpdateExpression", "")


@pytest.mark.parametrize("seed", range(8))
def test_people_who_subscribe_at_once_to_a_new_group_list_it_once(dynamodb, dynamo_stores, monkeypatch, seed):
    # Each person's function is another process, which knows of no group.
    stores = [DynamoSubscriptions(dynamodb, "connections", "subscriptions") for _ in range(PEOPLE)]
    for number in range(PEOPLE):
        dynamo_stores.connections.add(connection(f"c{number}"))
    calls = [partial(store.subscribe, f"c{n}", "a", PHONES, NOW) for n, store in enumerate(stores)]
    side_by_side = Interleaving(seed)
    monkeypatch.setattr(backoff, "time", SimpleNamespace(sleep=lambda _: side_by_side.pause()))
    group = {"pk": {"S": registry_pk("a", 0)}, "sk": {"S": group_id("a", PHONES)}}
    held = HeldItems(
        side_by_side.pause, lambda: "Item" in dynamodb.get_item(TableName="subscriptions", Key=group)
    )

    with hooked(dynamodb, held), side_by_side.calls_of(dynamodb):
        results = side_by_side.run(*calls)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert member_ids(dynamo_stores, "a") == [f"c{number}" for number in range(PEOPLE)]
    # Each membership takes a transaction; what lists the group is carried out by one person alone.
    assert len(dynamo_stores.subscriptions.announced("a", NOW)) == 1
    assert held.listings == 1


class Limited:
    """A process whose topics take so many filters."""

    def __init__(self, dynamodb, connections, maximum):
        self._connections = connections
        self._store = DynamoSubscriptions(dynamodb, "connections", "subscriptions", topic_filters_max=maximum)

    def subscribe(self, number, now=NOW):
        self._connections.add(connection(f"c{number}", connected_at=now, token_exp=now + HOUR))
        return self._store.subscribe(f"c{number}", "a", f'{{"x":{number}}}', now)


def counted(dynamodb):
    key = {"pk": {"S": "n#a"}, "sk": {"S": COUNT_KEY}}
    return int(dynamodb.get_item(TableName="subscriptions", Key=key)["Item"]["n"]["N"])


def test_first_filters_of_a_topic_at_once_are_all_counted(dynamodb, dynamo_stores):
    first, second = (Limited(dynamodb, dynamo_stores.connections, 5) for _ in range(2))

    # The group and the count's failed addition come before: this is the update that stores the count.
    with before_next(dynamodb, "UpdateItem", lambda: second.subscribe(2), skip=2):
        first.subscribe(1)

    assert counted(dynamodb) == 2


def test_topic_that_is_counted_again_does_not_forget_what_was_added_meanwhile(dynamodb, dynamo_stores):
    first, second = (Limited(dynamodb, dynamo_stores.connections, 3) for _ in range(2))
    for number in range(3):
        first.subscribe(number)
    # All end but one, and with them the count, so there is room for two.
    first.subscribe(0, END - 60)
    later = END + 1

    def take_the_room():
        for number in (10, 11):
            second.subscribe(number, later)

    with (
        before_next(dynamodb, "UpdateItem", take_the_room, skip=2),
        pytest.raises(SubscriptionFailed) as refused,
    ):
        first.subscribe(12, later)

    assert refused.value.details == {"reason": "topic_full"}
    assert len(list(dynamo_stores.subscriptions.groups("a", later))) == 3
