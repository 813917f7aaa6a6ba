"""Permissions of a connection: what it may subscribe to, and what ends when they change."""

import pytest

from realtime_core.auth.permissions import Permissions
from realtime_core.connections.dynamodb import DynamoConnections
from realtime_core.errors import Forbidden
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from tests.contract.support.cases import ANY, HOUR, NOW, PHONES, connection, member_ids
from tests.contract.support.watched_clients import before_next, watching

TEAM = Permissions(("private.team-42", "books.*"), ("ben",))


@pytest.fixture(params=["dynamo", "memory", "index"])
def stores(request):
    return request.getfixturevalue(f"{request.param}_stores")


def refusal(stores, topic, **more):
    with pytest.raises(Forbidden) as refused:
        stores.subscriptions.subscribe("c1", topic, ANY, NOW, **more)
    return refused.value.details


def test_record_keeps_the_permissions(stores):
    for number, permissions in enumerate(
        [Permissions(), TEAM, Permissions((), ()), Permissions(("*",)), Permissions(None, ("a|b*", "ben"))]
    ):
        record = connection(f"c{number}", permissions=permissions)
        stores.connections.add(record)
        assert stores.connections.get(f"c{number}") == record


def test_subscribe_beyond_the_permissions_is_forbidden_and_changes_nothing(stores):
    stores.connections.add(connection(permissions=TEAM))
    assert refusal(stores, "all-deals") == {"reason": "topic", "topic": "all-deals"}
    assert refusal(stores, "private.team-43") == {"reason": "topic", "topic": "private.team-43"}
    assert stores.subscriptions.subscribe("c1", "private.team-42", ANY, NOW).permissions == TEAM
    assert set(stores.connections.get("c1").subscriptions) == {"private.team-42"}


def test_record_without_permissions_may_subscribe_to_what_is_public(stores):
    stores.connections.add(connection())
    stores.subscriptions.subscribe("c1", "all-deals", ANY, NOW)
    assert refusal(stores, "private.team-42") == {"reason": "topic", "topic": "private.team-42"}


def test_extend_brings_the_permissions_of_the_new_token(stores):
    stores.connections.add(connection(permissions=TEAM))
    other = Permissions(("books.*",), None)
    assert stores.connections.extend("c1", NOW + 2 * HOUR, permissions=other).permissions == other
    assert stores.connections.extend("c1", NOW + 3 * HOUR).permissions == Permissions()
    assert stores.connections.get("c1").permissions == Permissions()


def test_extend_that_lives_shorter_keeps_the_permissions_of_the_token_in_force(stores):
    stores.connections.add(connection(permissions=TEAM))
    assert stores.connections.extend("c1", NOW + 60, permissions=Permissions()).permissions == TEAM
    after = stores.connections.extend("c1", NOW + 60, permissions=Permissions(), instead_of=connection())
    assert (after.token_exp, after.permissions) == (NOW + 60, Permissions())


def test_end_forbidden_removes_what_the_permissions_do_not_cover(stores):
    stores.connections.add(connection())
    for topic in ("all-deals", "books.new", "books", "tools"):
        stores.subscriptions.subscribe("c1", topic, PHONES, NOW)
    record = stores.connections.extend("c1", NOW + 2 * HOUR, permissions=TEAM)

    assert sorted(stores.subscriptions.end_forbidden(record)) == ["all-deals", "books", "tools"]

    assert set(stores.connections.get("c1").subscriptions) == {"books.new"}
    assert [member_ids(stores, topic) for topic in ("all-deals", "books", "tools")] == [[], [], []]
    assert member_ids(stores, "books.new") == ["c1"]
    assert stores.subscriptions.end_forbidden(stores.connections.get("c1")) == []


def test_end_forbidden_ends_a_subscription_that_was_asked_for_after_the_refresh(stores):
    """It was worked off by the permissions of before."""
    stores.connections.add(connection())
    stores.subscriptions.subscribe("c1", "tools", ANY, NOW, received_ms=NOW * 1000 + 999_999)
    record = stores.connections.extend("c1", NOW + 2 * HOUR, permissions=TEAM)
    assert stores.subscriptions.end_forbidden(record) == ["tools"]
    assert member_ids(stores, "tools") == []


@pytest.mark.parametrize("changes", [{}, {"token_exp": NOW + HOUR}], ids=["later", "same-expiry"])
def test_subscribe_that_read_the_record_before_a_refresh_is_forbidden_by_it(dynamodb, dynamo_stores, changes):
    """Even where the new token expires in the same second as the old one."""
    stores = dynamo_stores
    stores.connections.add(connection())
    known = stores.connections.get("c1")
    stores.connections.extend(
        "c1",
        changes.get("token_exp", NOW + 2 * HOUR),
        permissions=TEAM,
        instead_of=known if changes else None,
    )

    assert refusal(stores, "tools", record=known) == {"reason": "topic", "topic": "tools"}
    assert stores.subscriptions.subscribe("c1", "books.new", ANY, NOW, record=known).permissions == TEAM


def test_subscription_that_is_permitted_again_while_it_is_ended_stays(dynamodb, dynamo_stores):
    stores = dynamo_stores
    stores.connections.add(connection())
    stores.subscriptions.subscribe("c1", "tools", ANY, NOW)
    narrowed = stores.connections.extend("c1", NOW + 2 * HOUR, permissions=TEAM)

    def widen():
        DynamoConnections(dynamodb, "connections").extend("c1", NOW + 3 * HOUR)
        DynamoSubscriptions(dynamodb, "connections", "subscriptions").subscribe("c1", "tools", PHONES, NOW)

    with before_next(dynamodb, "TransactWriteItems", widen):
        assert stores.subscriptions.end_forbidden(narrowed) == []
    assert set(stores.connections.get("c1").subscriptions) == {"tools"}


def test_end_forbidden_takes_one_write_for_each_topic_and_no_read(dynamodb, dynamo_stores):
    stores = dynamo_stores
    stores.connections.add(connection())
    for topic in ("a", "b", "c"):
        stores.subscriptions.subscribe("c1", topic, ANY, NOW)
    record = stores.connections.extend("c1", NOW + 2 * HOUR, permissions=TEAM)
    with watching(dynamodb) as watch:
        assert len(stores.subscriptions.end_forbidden(record)) == 3
    assert (watch.reads, watch.writes) == (0, 3)


def test_end_forbidden_of_a_connection_that_has_ended_is_nothing(stores):
    stores.connections.add(connection())
    stores.subscriptions.subscribe("c1", "tools", ANY, NOW)
    record = stores.connections.extend("c1", NOW + 2 * HOUR, permissions=TEAM)
    stores.subscriptions.remove_members([record])
    stores.connections.remove("c1")
    assert stores.subscriptions.end_forbidden(record) == []
