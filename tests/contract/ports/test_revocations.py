"""`Revocations`, by DynamoDB and in memory."""

import pytest

from realtime_core.auth.base import Revocation
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.memory import MemoryRevocations
from realtime_core.errors import StoreUnavailable
from tests.contract.ports.cases import DAY, NOW
from tests.contract.ports.clouds import answering, paged, recording, watching


@pytest.fixture(params=["dynamodb", "memory"])
def revocations(request):
    if request.param == "memory":
        return MemoryRevocations()
    return DynamoRevocations(request.getfixturevalue("dynamodb"), "revocations")


def everything_of(user_id, before=NOW, revoked_at=NOW):
    return Revocation(user_id, before, revoked_at)


def one_token(token_id, user_id="ann", revoked_at=NOW):
    return Revocation(user_id, revoked_at, revoked_at, token_id)


def test_nothing_is_revoked_at_first(revocations):
    assert not revocations.is_revoked("ann", "t-1", NOW - DAY)
    assert not revocations.is_revoked("ann", None, 0)
    assert revocations.recent(0) == []


def test_revoked_user_is_refused_by_every_token_issued_until_then_and_by_no_later_one(revocations):
    revocations.revoke(everything_of("ann"))
    assert revocations.is_revoked("ann", None, NOW - DAY)
    assert revocations.is_revoked("ann", "any", NOW)
    assert not revocations.is_revoked("ann", "any", NOW + 1)
    assert not revocations.is_revoked("ben", "any", NOW - DAY)


def test_revoked_token_is_refused_and_no_other_of_its_user(revocations):
    revocations.revoke(one_token("t-1"))
    assert revocations.is_revoked("ann", "t-1", NOW - DAY)
    assert revocations.is_revoked("ann", "t-1", NOW + DAY), "whatever it says of its time"
    assert not revocations.is_revoked("ann", "t-2", NOW - DAY)
    assert not revocations.is_revoked("ann", None, NOW - DAY)


def test_token_whose_id_is_a_users_name_is_not_that_user(revocations):
    revocations.revoke(one_token("ben"))
    assert not revocations.is_revoked("ben", None, NOW)
    revocations.revoke(everything_of("t-2"))
    assert not revocations.is_revoked("ann", "t-2", NOW)


@pytest.mark.parametrize("order", [(NOW, NOW - 60), (NOW - 60, NOW)])
def test_revocations_of_a_user_in_any_order_leave_the_one_that_reaches_furthest(revocations, order):
    for before in order:
        revocations.revoke(everything_of("ann", before, revoked_at=NOW))
    assert revocations.is_revoked("ann", None, NOW)
    assert [one.before for one in revocations.recent(NOW)] == [NOW]


def test_recent_is_what_was_said_since_in_order(revocations):
    said = [
        everything_of("ann", revoked_at=NOW - 1),
        one_token("t-1", revoked_at=NOW),
        everything_of("ben", NOW + 5, NOW + 5),
    ]
    for one in reversed(said):
        revocations.revoke(one)
    assert revocations.recent(NOW - 1) == said
    assert revocations.recent(NOW) == said[1:]
    assert revocations.recent(NOW + 6) == []


def test_recent_reads_every_page(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    for number in range(5):
        revocations.revoke(one_token(f"t-{number}", revoked_at=NOW + number))
    with paged(dynamodb, 2):
        assert len(revocations.recent(NOW)) == 5


def test_the_question_is_one_consistent_read_and_revoking_one_write(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    with watching(dynamodb) as watch, recording(dynamodb, "BatchGetItem") as reads:
        revocations.is_revoked("ann", "t-1", NOW)
        revocations.is_revoked("ann", None, NOW)
        revocations.revoke(everything_of("ann"))
    assert (watch.reads, watch.writes) == (2, 1)
    assert all(one["RequestItems"]["revocations"]["ConsistentRead"] for one in reads)


def test_what_a_read_left_undone_is_read_again_and_never_taken_for_nothing(dynamodb, monkeypatch):
    monkeypatch.setattr("realtime_core.aws.backoff.BASE_SECONDS", 0.0)
    revocations = DynamoRevocations(dynamodb, "revocations")
    revocations.revoke(everything_of("ann"))
    undone = {"Responses": {}, "UnprocessedKeys": {"revocations": {"Keys": [{"subject": {"S": "u#ann"}}]}}}
    with answering(dynamodb, "BatchGetItem", (200, undone)):
        assert revocations.is_revoked("ann", None, NOW)
    with answering(dynamodb, "BatchGetItem", *[(200, undone)] * 20), pytest.raises(StoreUnavailable):
        revocations.is_revoked("ann", None, NOW)


def test_revocation_is_kept_for_over_a_year(dynamodb):
    DynamoRevocations(dynamodb, "revocations").revoke(everything_of("ann"))
    item = dynamodb.get_item(TableName="revocations", Key={"subject": {"S": "u#ann"}})["Item"]
    assert int(item["expires_at"]["N"]) >= NOW + 366 * DAY
