"""`Revocations` on DynamoDB and in memory."""

import pytest

from realtime_core.auth.base import Revocation, block
from realtime_core.auth.dynamodb import DynamoRevocations
from realtime_core.auth.memory import MemoryRevocations
from realtime_core.errors import StoreUnavailable
from tests.contract.support.cases import DAY, NOW
from tests.contract.support.watched_clients import answering, paged, recording, watching


@pytest.fixture(params=["dynamodb", "memory"])
def revocations(request):
    if request.param == "memory":
        return MemoryRevocations()
    return DynamoRevocations(request.getfixturevalue("dynamodb"), "revocations")


def all_tokens_of(user_id, before=NOW, revoked_at=NOW):
    return Revocation(user_id, before, revoked_at)


def one_token(token_id, user_id="ann", revoked_at=NOW):
    return Revocation(user_id, revoked_at, revoked_at, token_id)


def recent(revocations, since, until=NOW + DAY, after=None):
    return [item for page in revocations.recent(since, until, after) for item in page]


def test_nothing_is_revoked_at_first(revocations):
    assert not revocations.refusal("ann", "t-1", NOW - DAY)
    assert not revocations.refusal("ann", None, 0)
    assert recent(revocations, 0) == []


def test_revoking_a_user_covers_tokens_issued_until_then_and_no_later_ones(revocations):
    revocations.revoke(all_tokens_of("ann"))
    assert revocations.refusal("ann", None, NOW - DAY)
    assert revocations.refusal("ann", "any", NOW)
    assert not revocations.refusal("ann", "any", NOW + 1)
    assert not revocations.refusal("ben", "any", NOW - DAY)


def test_revoking_a_token_covers_no_other_token_of_its_user(revocations):
    revocations.revoke(one_token("t-1"))
    assert revocations.refusal("ann", "t-1", NOW - DAY)
    assert revocations.refusal("ann", "t-1", NOW + DAY), "with any time of issue"
    assert not revocations.refusal("ann", "t-2", NOW - DAY)
    assert not revocations.refusal("ann", None, NOW - DAY)


def test_token_id_that_equals_a_user_id_is_not_that_user(revocations):
    revocations.revoke(one_token("ben"))
    assert not revocations.refusal("ben", None, NOW)
    revocations.revoke(all_tokens_of("t-2"))
    assert not revocations.refusal("ann", "t-2", NOW)


def test_a_block_covers_every_token_of_the_user_until_it_is_lifted(revocations):
    revocations.revoke(block("ann", NOW))
    for token_id, issued_at in ((None, 0), ("t-1", NOW + DAY), ("ann", NOW + 10_000 * DAY)):
        assert revocations.refusal("ann", token_id, issued_at) == "blocked"
    for other in ("ben", "Ann", "ann2", "an", "u#ann", "b#ann"):
        assert revocations.refusal(other, "ann", NOW) is None

    assert revocations.lift_block("ann")
    assert revocations.refusal("ann", None, NOW) is None
    assert not revocations.lift_block("ann")


def test_a_block_and_a_revocation_of_one_user_stand_side_by_side(revocations):
    revocations.revoke(all_tokens_of("ann"))
    revocations.revoke(block("ann", NOW))
    assert revocations.refusal("ann", None, NOW) == "blocked"
    revocations.lift_block("ann")
    assert revocations.refusal("ann", None, NOW) == "revoked"
    assert revocations.refusal("ann", None, NOW + 1) is None


def test_token_id_that_looks_like_a_block_is_none(revocations):
    revocations.revoke(one_token("b#ben"))
    assert revocations.refusal("ben", None, NOW) is None
    assert list(revocations.blocks()) == []


def test_blocks_are_listed_without_revocations_in_the_order_of_their_times(revocations):
    for number in (2, 1, 3):
        revocations.revoke(block(f"user-{number}", NOW + number))
        revocations.revoke(all_tokens_of(f"user-{number}"))
    revocations.revoke(one_token("t-1"))
    revocations.lift_block("user-2")
    assert list(revocations.blocks()) == [block("user-1", NOW + 1), block("user-3", NOW + 3)]


def test_blocks_are_among_the_recent_revocations_until_they_are_lifted(revocations):
    revocations.revoke(block("ann", NOW))
    assert recent(revocations, NOW - 1) == [block("ann", NOW)]
    revocations.revoke(block("ann", NOW + 60))
    assert recent(revocations, NOW - 1) == [block("ann", NOW + 60)]
    revocations.lift_block("ann")
    assert recent(revocations, NOW - 1) == []


def test_a_block_has_no_end_of_its_own_and_a_revocation_has(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    revocations.revoke(block("ann", NOW))
    revocations.revoke(all_tokens_of("ann"))
    items = {item["subject"]["S"]: item for item in dynamodb.scan(TableName="revocations")["Items"]}
    assert "expires_at" not in items["b#ann"]
    assert "expires_at" in items["u#ann"]


def test_blocks_are_read_to_the_last_page(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    for number in range(7):
        revocations.revoke(block(f"user-{number}", NOW + number))
        revocations.revoke(all_tokens_of(f"user-{number}"))
    with paged(dynamodb, 2):
        assert len(list(revocations.blocks())) == 7


@pytest.mark.parametrize("order", [(NOW, NOW - 60), (NOW - 60, NOW)])
def test_the_revocation_of_a_user_that_reaches_furthest_stays(revocations, order):
    for before in order:
        revocations.revoke(all_tokens_of("ann", before, revoked_at=NOW))
    assert revocations.refusal("ann", None, NOW)
    assert [item.before for item in recent(revocations, NOW)] == [NOW]


def test_recent_returns_later_revocations_in_order(revocations):
    revoked = [
        all_tokens_of("ann", revoked_at=NOW - 1),
        one_token("t-1", revoked_at=NOW),
        all_tokens_of("ben", NOW + 5, NOW + 5),
    ]
    for item in reversed(revoked):
        revocations.revoke(item)
    assert recent(revocations, NOW - 1) == revoked
    assert recent(revocations, NOW) == revoked[1:]
    assert recent(revocations, NOW + 6) == []
    assert recent(revocations, NOW - 1, NOW) == revoked[:2]
    assert recent(revocations, NOW + 1, NOW) == []


def test_recent_goes_on_behind_a_place(revocations):
    for number in range(12):
        revocations.revoke(one_token(f"t-{number}", revoked_at=NOW + number // 4))
    everything = recent(revocations, NOW)

    for number, item in enumerate(everything):
        assert recent(revocations, NOW, after=item.place) == everything[number + 1 :]
    assert recent(revocations, NOW + 1, after=everything[0].place) == everything[4:], "older than the range"


def test_recent_reads_every_page(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    for number in range(5):
        revocations.revoke(one_token(f"t-{number}", revoked_at=NOW + number))
    with paged(dynamodb, 2):
        assert len(recent(revocations, NOW)) == 5


def test_refusal_is_one_consistent_read_and_revoke_one_write(dynamodb):
    revocations = DynamoRevocations(dynamodb, "revocations")
    with watching(dynamodb) as watch, recording(dynamodb, "BatchGetItem") as reads:
        revocations.refusal("ann", "t-1", NOW)
        revocations.refusal("ann", None, NOW)
        revocations.revoke(all_tokens_of("ann"))
    assert (watch.reads, watch.writes) == (2, 1)
    assert all(read["RequestItems"]["revocations"]["ConsistentRead"] for read in reads)


def test_unprocessed_keys_are_read_again(dynamodb, monkeypatch):
    monkeypatch.setattr("realtime_core.aws.backoff.BASE_SECONDS", 0.0)
    revocations = DynamoRevocations(dynamodb, "revocations")
    revocations.revoke(all_tokens_of("ann"))
    unprocessed = {
        "Responses": {},
        "UnprocessedKeys": {"revocations": {"Keys": [{"subject": {"S": "u#ann"}}]}},
    }
    with answering(dynamodb, "BatchGetItem", (200, unprocessed)):
        assert revocations.refusal("ann", None, NOW)
    with answering(dynamodb, "BatchGetItem", *[(200, unprocessed)] * 20), pytest.raises(StoreUnavailable):
        revocations.refusal("ann", None, NOW)


def test_revocation_is_stored_for_over_a_year(dynamodb):
    DynamoRevocations(dynamodb, "revocations").revoke(all_tokens_of("ann"))
    item = dynamodb.get_item(TableName="revocations", Key={"subject": {"S": "u#ann"}})["Item"]
    assert int(item["expires_at"]["N"]) >= NOW + 366 * DAY
