import pytest

from realtime_core.connections.base import PRESENCE_USERS_MAX, Recipient
from realtime_core.lifetimes import CONNECTION_LIFETIME_SECONDS
from tests.contract.support.cases import DAY, HOUR, NOW, PHONES, at_once, connection
from tests.contract.support.watched_clients import paged, watching


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


def test_remove_returns_the_record(stores):
    stores.connections.add(connection())
    record = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)

    assert stores.connections.remove("c1") == record
    assert stores.connections.get("c1") is None


def test_remove_of_an_unknown_connection_is_none(stores):
    assert stores.connections.remove("nobody") is None


def test_concurrent_removes_return_the_record_once(stores):
    stores.connections.add(connection())

    removed = at_once(*[lambda: stores.connections.remove("c1")] * 8)

    assert [record for record in removed if record is not None] == [connection()]


def test_of_user_returns_only_that_users_connections(stores):
    stores.connections.add(connection("c1", "ann"))
    stores.connections.add(connection("c2", "ann", token_exp=NOW + 60))
    stores.connections.add(connection("c3", "anna"))

    recipients = stores.connections.of_user("ann")

    assert set(recipients) == {Recipient("c1", NOW + HOUR, NOW), Recipient("c2", NOW + 60, NOW)}
    assert stores.connections.of_user("nobody") == []


def test_of_user_is_reachable_no_longer_than_its_record(stores):
    stores.connections.add(connection(token_exp=NOW + 30 * DAY))

    [recipient] = stores.connections.of_user("ann")

    assert NOW + CONNECTION_LIFETIME_SECONDS <= recipient.token_exp <= NOW + CONNECTION_LIFETIME_SECONDS + 600


def test_of_user_reads_every_page(dynamodb, dynamo_stores):
    for number in range(7):
        dynamo_stores.connections.add(connection(f"c{number}"))

    with paged(dynamodb, 2):
        recipients = dynamo_stores.connections.of_user("ann")

    assert sorted(recipient.connection_id for recipient in recipients) == [
        f"c{number}" for number in range(7)
    ]


def test_extend_sets_a_later_expiry(stores):
    stores.connections.add(connection())
    before = stores.subscriptions.subscribe("c1", "all-deals", PHONES, NOW)

    after = stores.connections.extend("c1", NOW + 2 * HOUR)

    assert after == before._replace(token_exp=NOW + 2 * HOUR)
    assert stores.connections.get("c1") == after
    assert stores.connections.of_user("ann") == [Recipient("c1", NOW + 2 * HOUR, NOW)]


def test_extend_keeps_a_later_expiry(stores):
    stores.connections.add(connection())

    after = stores.connections.extend("c1", NOW + 60)

    assert after == connection()
    assert stores.connections.get("c1") == connection()


def test_concurrent_extends_keep_the_latest_expiry(stores):
    stores.connections.add(connection())

    at_once(
        *[lambda ahead=ahead: stores.connections.extend("c1", NOW + ahead) for ahead in range(4000, 4010)]
    )

    assert stores.connections.get("c1").token_exp == NOW + 4009


def test_extend_of_an_unknown_connection_is_none_and_creates_no_record(stores):
    assert stores.connections.extend("nobody", NOW + HOUR) is None
    assert stores.connections.get("nobody") is None


def test_record_has_the_token_with_the_latest_expiry(stores):
    first = connection()._replace(issued_at=NOW - 5, token_id="t-1")
    stores.connections.add(first)
    assert stores.connections.get("c1") == first

    after = stores.connections.extend("c1", NOW + 2 * HOUR, NOW - 1, "t-2")
    assert (after.issued_at, after.token_id) == (NOW - 1, "t-2")
    assert stores.connections.get("c1") == after

    stores.connections.extend("c1", NOW + 2 * HOUR, NOW, "t-3")
    assert stores.connections.get("c1") == after, "its expiry is not later"

    stores.connections.extend("c1", NOW + 3 * HOUR, NOW)
    assert stores.connections.get("c1").token_id is None


def test_extend_instead_of_a_token_takes_any_expiry(stores):
    stores.connections.add(connection()._replace(issued_at=NOW - 5, token_id="t-1"))
    revoked = stores.connections.get("c1")

    after = stores.connections.extend("c1", NOW + 60, NOW, "t-2", instead_of=revoked)
    assert (after.token_exp, after.issued_at, after.token_id) == (NOW + 60, NOW, "t-2")
    assert stores.connections.get("c1") == after

    again = stores.connections.extend("c1", NOW + 30, NOW, "t-3", instead_of=revoked)
    assert again == after, "its token has been replaced already"
    without_id = stores.connections.extend("c1", NOW + 30, NOW, instead_of=after)
    assert without_id.token_id is None
    assert stores.connections.extend("c1", NOW + 9, NOW, "t-4", instead_of=without_id).token_id == "t-4"


def test_count_of_user_counts_only_open_connections(stores):
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


def test_online_are_those_with_an_open_connection(stores):
    stores.connections.add(connection("a1", "ann"))
    stores.connections.add(connection("a2", "ann", connected_at=NOW - 60))
    stores.connections.add(connection("b1", "auth0|b.en@x:1-_"))
    stores.connections.add(connection("c1", "carl", token_exp=NOW - 60))
    stores.connections.add(connection("d1", "dora", token_exp=NOW - 59))
    stores.connections.add(connection("e1", "ed", connected_at=NOW - 3 * HOUR, token_exp=NOW + DAY))

    asked = ["ann", "auth0|b.en@x:1-_", "carl", "dora", "ed", "nobody", "Ann"]
    assert stores.connections.online(asked, NOW) == {"ann", "auth0|b.en@x:1-_", "dora"}
    assert stores.connections.online(["dora"], NOW + 1) == set()
    assert stores.connections.online(["nobody"], NOW) == set()


@pytest.mark.parametrize("count", [1, 9, PRESENCE_USERS_MAX])
def test_online_is_a_query_for_each_user(dynamodb, dynamo_stores, count):
    for number in range(0, PRESENCE_USERS_MAX, 2):
        dynamo_stores.connections.add(connection(f"c{number}", f"user-{number}"))
    users = [f"user-{number}" for number in range(count)]
    with watching(dynamodb) as watch:
        assert dynamo_stores.connections.online(users, NOW) == set(users[::2])
    assert (watch.reads, watch.exchanges) == (count, count)


def test_count_of_user_counts_every_page(dynamodb, dynamo_stores):
    for number in range(7):
        dynamo_stores.connections.add(connection(f"c{number}"))

    with paged(dynamodb, 2):
        assert dynamo_stores.connections.count_of_user("ann", NOW) == 7


def test_a_hundred_records_are_one_read(dynamodb, dynamo_stores):
    """DynamoDB reads at most a hundred items together."""
    ids = [f"c{number}" for number in range(101)]
    for connection_id in (ids[0], ids[-1]):
        dynamo_stores.connections.add(connection(connection_id))
    with watching(dynamodb) as watch:
        found = dynamo_stores.connections.get_all(ids[:100])
    assert ([record.connection_id for record in found], watch.calls) == (["c0"], {"BatchGetItem": 1})
    with watching(dynamodb) as watch:
        found = dynamo_stores.connections.get_all(ids)
    assert ([record.connection_id for record in found], watch.calls) == (["c0", "c100"], {"BatchGetItem": 2})
