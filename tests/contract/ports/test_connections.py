from realtime_core.connections.base import Recipient
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from tests.contract.ports.cases import DAY, HOUR, NOW, PHONES, at_once, connection
from tests.contract.ports.clouds import paged


def test_get_of_an_unknown_connection_is_none(stores):
    assert stores.connections.get("nobody") is None


def test_get_returns_what_was_added(stores):
    stores.connections.add(connection("L0SM9cOFvHcCIhw=", "ann|42:x@y"))

    assert stores.connections.get("L0SM9cOFvHcCIhw=") == connection("L0SM9cOFvHcCIhw=", "ann|42:x@y")


def test_get_returns_the_subscriptions(stores):
    stores.connections.add(connection())
    after = stores.subscriptions.subscribe("c1", "electronics.lap-tops", PHONES, NOW)

    assert stores.connections.get("c1") == after
    assert after.subscriptions["electronics.lap-tops"].filter == PHONES


def test_remove_returns_the_record_as_it_was(stores):
    stores.connections.add(connection())
    record = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)

    assert stores.connections.remove("c1") == record
    assert stores.connections.get("c1") is None


def test_remove_of_an_unknown_connection_is_none(stores):
    assert stores.connections.remove("nobody") is None


def test_remove_by_many_at_once_gives_the_record_to_one(stores):
    stores.connections.add(connection())

    removed = at_once(*[lambda: stores.connections.remove("c1")] * 8)

    assert [one for one in removed if one is not None] == [connection()]


def test_of_user_returns_that_users_connections_only(stores):
    stores.connections.add(connection("c1", "ann"))
    stores.connections.add(connection("c2", "ann", token_exp=NOW + 60))
    stores.connections.add(connection("c3", "anna"))

    found = stores.connections.of_user("ann")

    assert set(found) == {Recipient("c1", NOW + HOUR), Recipient("c2", NOW + 60)}
    assert stores.connections.of_user("nobody") == []


def test_of_user_whose_token_outlasts_every_connection_ends_with_the_record(stores):
    stores.connections.add(connection(token_exp=NOW + 30 * DAY))

    [found] = stores.connections.of_user("ann")

    assert NOW + CONNECTION_LIFETIME_SECONDS <= found.token_exp <= NOW + CONNECTION_LIFETIME_SECONDS + 600


def test_of_user_reads_every_page(dynamodb, dynamo_stores):
    for number in range(7):
        dynamo_stores.connections.add(connection(f"c{number}"))

    with paged(dynamodb, 2):
        found = dynamo_stores.connections.of_user("ann")

    assert sorted(one.connection_id for one in found) == [f"c{number}" for number in range(7)]


def test_extend_moves_the_token_forward(stores):
    stores.connections.add(connection())
    before = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)

    after = stores.connections.extend("c1", NOW + 2 * HOUR)

    assert after == before._replace(token_exp=NOW + 2 * HOUR)
    assert stores.connections.get("c1") == after
    assert stores.connections.of_user("ann") == [Recipient("c1", NOW + 2 * HOUR)]


def test_extend_never_moves_the_token_back(stores):
    stores.connections.add(connection())

    after = stores.connections.extend("c1", NOW + 60)

    assert after == connection()
    assert stores.connections.get("c1") == connection()


def test_extend_by_many_at_once_ends_at_the_latest(stores):
    stores.connections.add(connection())

    at_once(
        *[lambda ahead=ahead: stores.connections.extend("c1", NOW + ahead) for ahead in range(4000, 4010)]
    )

    assert stores.connections.get("c1").token_exp == NOW + 4009


def test_extend_of_an_unknown_connection_is_none_and_makes_no_record(stores):
    assert stores.connections.extend("nobody", NOW + HOUR) is None
    assert stores.connections.get("nobody") is None


def test_record_keeps_the_token_that_the_connection_lives_by(stores):
    first = connection()._replace(issued_at=NOW - 5, token_id="t-1")
    stores.connections.add(first)
    assert stores.connections.get("c1") == first

    after = stores.connections.extend("c1", NOW + 2 * HOUR, NOW - 1, "t-2")
    assert (after.issued_at, after.token_id) == (NOW - 1, "t-2")
    assert stores.connections.get("c1") == after

    stores.connections.extend("c1", NOW + 2 * HOUR, NOW, "t-3")
    assert stores.connections.get("c1") == after, "it lives no longer by this one"

    stores.connections.extend("c1", NOW + 3 * HOUR, NOW)
    assert stores.connections.get("c1").token_id is None


def test_count_of_user_is_of_open_connections_alone(stores):
    for number in range(3):
        stores.connections.add(connection(f"c{number}"))
    stores.connections.add(connection("other", user_id="ben"))
    stores.connections.add(connection("closing", token_exp=NOW - 59))
    stores.connections.add(connection("closed", token_exp=NOW - 60))
    lost = connection("lost", connected_at=NOW - CONNECTION_LIFETIME_SECONDS - 600)
    stores.connections.add(lost)

    assert stores.connections.count_of_user("ann", NOW) == 4
    assert stores.connections.count_of_user("ben", NOW) == 1
    assert stores.connections.count_of_user("nobody", NOW) == 0


def test_count_of_user_counts_every_page(dynamodb, dynamo_stores):
    for number in range(7):
        dynamo_stores.connections.add(connection(f"c{number}"))

    with paged(dynamodb, 2):
        assert dynamo_stores.connections.count_of_user("ann", NOW) == 7
